"""What makes a namespace worth looking at again: itself, its Broker, Triggers that ask for one."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.core import ConfigMap
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.duck.features import SYSTEM_NAMESPACE
from wakeful.apis.eventing import Broker, Trigger
from wakeful.controller import ConfigStore, Controller, Manager
from wakeful.reconciler.eventing.injection.reconciler import InjectionReconciler
from wakeful.reconciler.eventing.injection.selection import CONFIG_SUGAR, parse_sugar


def make_controller(manager: Manager) -> Controller[Namespace]:
    """Wire the controller to its informers."""
    brokers, triggers = manager.informer(Broker), manager.informer(Trigger)
    sugar = ConfigStore(
        manager.informer(ConfigMap), CONFIG_SUGAR, parse_sugar, namespace=SYSTEM_NAMESPACE
    )
    controller = Controller(
        "injection.eventing",
        manager.client,
        manager.informer(Namespace),
        InjectionReconciler(manager.client, brokers, triggers, sugar.current, manager.recorder),
        recorder=manager.recorder,
        workers=1,
    )
    controller.watch(brokers, _namespace_of)
    controller.watch(triggers, _namespace_of)
    sugar.on_change(controller.enqueue_all)
    return controller


def _namespace_of(obj: Object) -> Iterable[NamespacedName]:
    return (NamespacedName("", obj.metadata.namespace),)
