"""Entries of the registry for kinds of events that were seen, where `config-features` says so.

An entry is of the Broker or channel that events came in at, or of the Trigger or Subscription whose
subscriber replied with them. Nobody takes it away but its owner, when that goes.
"""

from __future__ import annotations

import asyncio
import hashlib

import structlog

from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError
from wakeful.apimachinery.meta import NamespacedName, Object, ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import ConfigMap
from wakeful.apis.duck import KReference
from wakeful.apis.duck.features import (
    CONFIG_FEATURES,
    EVENTTYPE_AUTO_CREATE,
    SYSTEM_NAMESPACE,
    EventingFeatures,
    parse_features,
)
from wakeful.apis.eventing import (
    Broker,
    EventAttributeDefinition,
    EventType,
    EventTypeSpec,
    Trigger,
)
from wakeful.apis.eventing.eventtype_types import SCHEMA
from wakeful.apis.messaging import (
    Channel,
    InMemoryChannel,
    NatsJetStreamChannel,
    Subscription,
)
from wakeful.apis.messaging.dataplane_role import EventDataPlane, ObservedType
from wakeful.controller import ConfigStore, Manager

log = structlog.get_logger("wakeful.reconciler.eventing.observed")

_CHANNELS: tuple[type[Object], ...] = (InMemoryChannel, NatsJetStreamChannel)
_OWNERS: tuple[type[Object], ...] = (Broker, Trigger, Subscription, *_CHANNELS)
_DESCRIPTION = "Event Type auto-created by controller"


def make_event_type(owner: Object, seen: ObservedType) -> EventType:
    """The entry for what was seen at the address of ``owner``, or as its reply; pure."""
    meta = owner.metadata
    text = f"{seen.type}{seen.source}{meta.namespace}{meta.name}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    attributes = [
        EventAttributeDefinition(name="specversion", required=True),
        EventAttributeDefinition(name="id", required=True),
        EventAttributeDefinition(name="type", required=True, value=seen.type),
        EventAttributeDefinition(name="source", required=True, value=seen.source),
    ]
    if seen.schema:
        attributes.append(EventAttributeDefinition(name=SCHEMA, required=False, value=seen.schema))
    return EventType(
        metadata=ObjectMeta(
            name=child_name(f"et-{meta.name}-", digest),
            namespace=meta.namespace,
            owner_references=[owner_reference(owner)],
        ),
        spec=EventTypeSpec(
            reference=KReference(
                api_version=owner.gvk.api_version,
                kind=owner.gvk.kind,
                name=meta.name,
                namespace=meta.namespace,
            ),
            description=_DESCRIPTION,
            attributes=attributes,
        ),
    )


class ObservedTypes:
    """Creates the entries, each once in a run; a task of the manager's."""

    name = "observedtypes.eventing"

    def __init__(self, manager: Manager, plane: EventDataPlane) -> None:
        self._client, self._plane = manager.client, plane
        self._owners = {model.gvk.kind.lower(): manager.informer(model) for model in _OWNERS}
        self._generic = manager.informer(Channel)
        self._features: ConfigStore[EventingFeatures] = ConfigStore(
            manager.informer(ConfigMap),
            CONFIG_FEATURES,
            parse_features,
            namespace=SYSTEM_NAMESPACE,
        )
        self._wake = asyncio.Event()
        self._wake.set()
        self._done: set[ObservedType] = set()
        self._features.on_change(lambda _features: self._wake.set())
        plane.on_observed_type(self._wake.set)

    async def run(self) -> None:
        """Follow what is seen until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._features.current().is_enabled(EVENTTYPE_AUTO_CREATE):
                for seen in self._plane.observed_types() - self._done:
                    await self._register(seen)

    async def _register(self, seen: ObservedType) -> None:
        owner = self._owner(seen.owner)
        self._done.add(seen)
        if owner is None or owner.is_deleting:
            return
        try:
            await self._client.create(make_event_type(owner, seen))
        except AlreadyExistsError:
            return
        except APIStatusError as err:
            log.info("event type not registered", type=seen.type, error=err.message)

    def _owner(self, text: str) -> Object | None:
        kind, _, rest = text.partition("/")
        namespace, _, name = rest.partition("/")
        informer = self._owners.get(kind)
        if informer is None:
            return None
        found: Object | None = informer.get(name, namespace)
        if not isinstance(found, _CHANNELS):
            return found
        key = NamespacedName(namespace, name)
        return self._generic.get(key.name, key.namespace) or found
