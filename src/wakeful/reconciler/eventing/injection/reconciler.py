"""Make the Broker ``default`` where it is wanted; never take one away."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.errors import AlreadyExistsError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.eventing import Broker, Trigger, register
from wakeful.client import Client, Lister
from wakeful.controller import EventRecorder
from wakeful.reconciler.eventing.injection.selection import (
    SugarConfig,
    trigger_wants_broker,
    wants_broker,
)


def make_broker(namespace: str) -> Broker:
    """The Broker of a namespace; the labels are those of both eras."""
    labels = dict.fromkeys((register.INJECTED, register.NAMESPACE_INJECTED), "true")
    return Broker(
        metadata=ObjectMeta(name=register.DEFAULT_BROKER, namespace=namespace, labels=labels)
    )


class InjectionReconciler:
    """Looks at namespaces one by one."""

    def __init__(
        self,
        client: Client,
        brokers: Lister[Broker],
        triggers: Lister[Trigger],
        sugar: Callable[[], SugarConfig],
        recorder: EventRecorder,
    ) -> None:
        self._client, self._brokers, self._triggers = client, brokers, triggers
        self._sugar, self._recorder = sugar, recorder

    async def reconcile_kind(self, namespace: Namespace) -> None:
        """Create the Broker if somebody asks for it and it is not there."""
        name, sugar = namespace.metadata.name, self._sugar()
        if self._brokers.get(register.DEFAULT_BROKER, name) is not None:
            return
        if not wants_broker(namespace.metadata, sugar) and not any(
            trigger_wants_broker(trigger, sugar) for trigger in self._triggers.list(name)
        ):
            return
        try:
            created = await self._client.create(make_broker(name))
        except AlreadyExistsError:
            return
        text = "Default eventing.knative.dev Broker created."
        self._recorder.normal(created, "BrokerCreated", text)
