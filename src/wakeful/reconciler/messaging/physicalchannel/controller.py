"""What makes a channel worth looking at again: itself, its Service, news from the event process."""

from __future__ import annotations

from typing import Any, cast

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Service as KubeService
from wakeful.apis.messaging import (
    IN_MEMORY_CHANNEL_CONDITIONS,
    JETSTREAM_CHANNEL_CONDITIONS,
    InMemoryChannel,
    NatsJetStreamChannel,
)
from wakeful.apis.messaging.dataplane_role import EventDataPlane, PhysicalChannel
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.messaging.physicalchannel.reconciler import PhysicalChannelReconciler
from wakeful.reconciler.serving.children import Children

_KINDS: tuple[tuple[type[PhysicalChannel], str, ConditionSet], ...] = (
    (InMemoryChannel, "inmemorychannels.messaging", IN_MEMORY_CHANNEL_CONDITIONS),
    (NatsJetStreamChannel, "natsjetstreamchannels.messaging", JETSTREAM_CHANNEL_CONDITIONS),
)


def make_controllers(
    manager: Manager, plane: EventDataPlane, gateway: str
) -> list[Controller[Any]]:
    """One controller for each kind; they differ in nothing but the kind."""
    services = manager.informer(KubeService)
    by_kind: dict[str, Controller[Any]] = {}
    for model, name, conditions in _KINDS:
        resolver = DestinationResolver(manager)
        controller = Controller(
            name,
            manager.client,
            manager.informer(cast("type[Any]", model)),
            PhysicalChannelReconciler(
                manager.client,
                Children(manager.client, manager.recorder),
                services,
                resolver,
                plane,
                gateway,
            ),
            conditions=conditions,
            recorder=manager.recorder,
        )
        controller.watch_owned(services)
        resolver.connect(controller)
        plane.on_health_change(controller.enqueue_all)
        by_kind[model.gvk.kind] = controller

    def on_change(kind: str, key: NamespacedName) -> None:
        if kind in by_kind:
            by_kind[kind].enqueue(key)

    plane.on_change(on_change)
    return list(by_kind.values())
