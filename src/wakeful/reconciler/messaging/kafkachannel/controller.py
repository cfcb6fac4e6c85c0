"""What makes a KafkaChannel worth looking at again: itself, its configuration, its members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.messaging import KAFKA_CHANNEL_CONDITIONS, KafkaChannel, register
from wakeful.apis.messaging.kafkachannel_types import CONFIG_KAFKA_CHANNEL
from wakeful.apis.sources import SourceKey
from wakeful.controller import Controller, Manager
from wakeful.eventbus.kafka import KafkaAdmin
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.messaging.kafkachannel.reconciler import (
    KafkaChannelReconciler,
    KafkaSubscribers,
)


class Host(Protocol):
    """Whoever runs the members."""

    def on_change(self, listener: Callable[[SourceKey], None]) -> None:
        """Call ``listener`` when the state of one object's members changed."""
        ...


def add_kafkachannel_controller(
    manager: Manager,
    admin: KafkaAdmin,
    subscribers: KafkaSubscribers,
    host: Host,
    *,
    gateway: str,
    ingress_class: str,
) -> None:
    """Have ``manager`` run the controller."""
    configs, secrets = manager.informer(ConfigMap), manager.informer(Secret)
    channels, resolver = manager.informer(KafkaChannel), DestinationResolver(manager)
    controller = Controller(
        "kafkachannels.messaging",
        manager.client,
        channels,
        KafkaChannelReconciler(
            manager.client, admin, subscribers, resolver, configs, secrets, gateway, ingress_class
        ),
        conditions=KAFKA_CHANNEL_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(controller)

    def configured_by(found: ConfigMap) -> Iterable[NamespacedName]:
        if found.key != NamespacedName(register.SYSTEM_NAMESPACE, CONFIG_KAFKA_CHANNEL):
            return ()
        return [channel.key for channel in channels]

    def proven_by(found: Secret) -> Iterable[NamespacedName]:
        if found.metadata.namespace != register.SYSTEM_NAMESPACE:
            return ()
        return [channel.key for channel in channels]

    controller.watch(configs, configured_by)
    controller.watch(secrets, proven_by)

    def on_members(key: SourceKey) -> None:
        if key.kind == KafkaChannel.gvk.kind and key.group == KafkaChannel.gvk.group:
            controller.enqueue(key.key)

    host.on_change(on_members)
    manager.add(controller)
