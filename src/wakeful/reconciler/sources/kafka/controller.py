"""What makes a KafkaSource worth looking at again: its Secrets, its sink, its adapter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.sources import KafkaSource, KafkaSourceStatus, LegacyKafkaSource, SourceKey
from wakeful.controller import Controller, Manager
from wakeful.eventbus.kafka import KafkaAdmin, secrets_of
from wakeful.reconciler.sources.kafka.reconciler import KafkaSourceReconciler
from wakeful.reconciler.sources.parts import SourceParts

T = TypeVar("T", KafkaSource, LegacyKafkaSource)

_WORKERS = 8
"""A cluster that does not answer holds up one of them for seconds."""


def make_controller(
    manager: Manager, model: type[T], parts: SourceParts, admin: KafkaAdmin
) -> Controller[T]:
    """Wire the controller of one of the two kinds."""
    secrets, sources = manager.informer(Secret), manager.informer(model)
    controller: Controller[T] = Controller(
        f"kafkasources.{model.gvk.group}",
        manager.client,
        sources,
        KafkaSourceReconciler(parts, admin, secrets),
        conditions=KafkaSourceStatus.condition_set,
        recorder=manager.recorder,
        workers=_WORKERS,
    )

    def using(secret: Secret) -> Iterable[NamespacedName]:
        for source in sources.list(secret.metadata.namespace):
            if secret.metadata.name in secrets_of(source.wanted.net):
                yield source.key

    def on_adapter(key: SourceKey) -> None:
        if (key.group, key.kind) == (model.gvk.group, model.gvk.kind):
            controller.enqueue(key.key)

    controller.watch(secrets, using)
    parts.adapters.on_change(on_adapter)
    return controller
