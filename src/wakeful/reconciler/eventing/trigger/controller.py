"""What makes a Trigger worth looking at again: itself, its Broker, its Subscription."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.eventing import TRIGGER_CONDITIONS, Broker, Trigger
from wakeful.apis.messaging import Subscription
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.trigger.reconciler import TriggerReconciler
from wakeful.reconciler.messaging.subscriptions import Subscriptions

_BY_BROKER = "trigger/broker"


def make_controller(manager: Manager) -> Controller[Trigger]:
    """Wire the controller to its informers."""
    triggers, brokers = manager.informer(Trigger), manager.informer(Broker)
    triggers.add_index(_BY_BROKER, lambda trigger: (str(trigger.broker_key),))
    resolver = DestinationResolver(manager)
    controller = Controller(
        "triggers.eventing",
        manager.client,
        triggers,
        TriggerReconciler(brokers, Subscriptions(manager), resolver),
        conditions=TRIGGER_CONDITIONS,
        recorder=manager.recorder,
    )

    def readers(broker: Broker) -> Iterable[NamespacedName]:
        return [trigger.key for trigger in triggers.by_index(_BY_BROKER, str(broker.key))]

    controller.watch(brokers, readers)
    controller.watch_owned(manager.informer(Subscription))
    resolver.connect(controller)
    return controller
