"""What makes a Broker worth looking at again: itself, its channel, its settings."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import ConfigMap
from wakeful.apis.eventing import BROKER_CONDITIONS, Broker, register
from wakeful.apis.messaging.dataplane_role import EventDataPlane
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.broker.reconciler import BrokerReconciler
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.messaging.channelobjects import ChannelObjects

_BY_CONFIG = "broker/config"


def make_controller(
    manager: Manager, plane: EventDataPlane, channels: ChannelObjects
) -> Controller[Broker]:
    """Wire the controller to its informers; Brokers of other classes are left alone."""
    brokers, config_maps = manager.informer(Broker), manager.informer(ConfigMap)
    brokers.add_index(_BY_CONFIG, _config_of)
    resolver = DestinationResolver(manager)
    controller = Controller(
        "brokers.eventing",
        manager.client,
        brokers,
        BrokerReconciler(channels, config_maps, resolver, plane),
        conditions=BROKER_CONDITIONS,
        recorder=manager.recorder,
        selects=lambda broker: broker.broker_class == register.MT_CHANNEL_BROKER,
    )

    def readers(config_map: ConfigMap) -> Iterable[NamespacedName]:
        return [broker.key for broker in brokers.by_index(_BY_CONFIG, str(config_map.key))]

    controller.watch(config_maps, readers)
    channels.watch_owned_by(controller)
    resolver.connect(controller)
    plane.on_health_change(controller.enqueue_all)
    return controller


def _config_of(broker: Broker) -> Iterable[str]:
    config = broker.spec.config
    return (str(config.key_in(broker.metadata.namespace)),) if config is not None else ()
