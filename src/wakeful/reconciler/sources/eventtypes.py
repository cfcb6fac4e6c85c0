"""What sources add to the registry: an EventType for each kind of event, while they have a Broker.

Today's sources do so for any object that is their sink, those of 2019 for Brokers only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.meta import Object, ObjectMeta, owner_reference
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.duck import CloudEventAttributes, Destination, KReference
from wakeful.apis.eventing import EventType
from wakeful.apis.eventing.eventtype_types import EventAttributeDefinition, EventTypeSpec
from wakeful.apis.sources import register
from wakeful.client import Client
from wakeful.controller import Manager
from wakeful.reconciler.apps.ownership import CachedChildren

_LABEL_CHARACTERS = 63
_NOT_DNS = re.compile(r"[^a-z0-9.-]+")


def make_event_types(
    source: Object,
    sink: Destination,
    attributes: Sequence[CloudEventAttributes],
    descriptions: Mapping[str, str],
) -> list[EventType]:
    """The entries that ``source`` stands for; pure."""
    ref = sink.ref
    is_legacy = source.gvk.group == register.LEGACY_GROUP
    if ref is None or (is_legacy and ref.kind != "Broker"):
        return []
    return [
        EventType(
            metadata=ObjectMeta(
                name=_name(source, attribute),
                namespace=source.metadata.namespace,
                labels=_labels(source),
                owner_references=[owner_reference(source)],
            ),
            spec=_spec(source, ref, attribute, descriptions.get(attribute.type, "")),
        )
        for attribute in attributes
        if attribute.type
    ]


def _spec(
    source: Object, ref: KReference, attribute: CloudEventAttributes, description: str
) -> EventTypeSpec:
    namespace = ref.namespace or source.metadata.namespace
    return EventTypeSpec(
        reference=ref.model_copy(update={"namespace": namespace}),
        description=description,
        attributes=[
            EventAttributeDefinition(name="specversion", required=True),
            EventAttributeDefinition(name="id", required=True),
            EventAttributeDefinition(name="type", required=True, value=attribute.type),
            EventAttributeDefinition(name="source", required=True, value=attribute.source),
        ],
    )


def _labels(source: Object) -> dict[str, str]:
    labels = {register.SOURCE_NAME_LABEL: source.metadata.name[:_LABEL_CHARACTERS]}
    if source.gvk.group == register.LEGACY_GROUP:
        labels[register.SOURCE_LABEL] = f"{source.gvk.kind.lower()}-controller"
    return labels


def _name(source: Object, attribute: CloudEventAttributes) -> str:
    uid = source.metadata.uid
    text = attribute.type + attribute.source + uid
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    if source.gvk.group != register.LEGACY_GROUP:
        return digest
    if source.gvk.kind == "GitHubSource":
        # 2019 had the server choose the end; a fixed one cannot be made twice.
        return f"{_NOT_DNS.sub('', attribute.type.lower())}-{digest[:5]}"
    return f"{_NOT_DNS.sub('-', attribute.type.lower())}-{uid}"[:_LABEL_CHARACTERS].rstrip("-.")


def read_descriptions(scheme: Scheme, model: type[Object]) -> dict[str, str]:
    """What the kind says about its events, by type."""
    text = scheme.of(model).annotations.get(register.EVENT_TYPES_ANNOTATION, "[]")
    return {entry["type"]: entry.get("description", "") for entry in json.loads(text)}


class EventTypes:
    """Creates the entries that are missing, and removes those that are no longer meant."""

    def __init__(self, manager: Manager) -> None:
        self._client: Client = manager.client
        self._children = CachedChildren(manager.client, manager.informer(EventType))

    async def reconcile(
        self, source: Object, sink: Destination, attributes: Sequence[CloudEventAttributes]
    ) -> None:
        """Bring the registry in line with one source."""
        descriptions = read_descriptions(self._client.scheme, type(source))
        want = {
            event_type.metadata.name: event_type
            for event_type in make_event_types(source, sink, attributes, descriptions)
        }
        have = {event_type.metadata.name: event_type for event_type in self._owned(source)}
        for name, event_type in have.items():
            if name not in want or _is_other(event_type, want[name]):
                await self._delete(event_type)
        for name, event_type in want.items():
            if name not in have or _is_other(have[name], event_type):
                await self._create(event_type)

    def _owned(self, source: Object) -> list[EventType]:
        return [found for found in self._children.owned_by(source) if not found.is_deleting]

    async def _delete(self, event_type: EventType) -> None:
        meta = event_type.metadata
        try:
            await self._client.delete(EventType, meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return

    async def _create(self, event_type: EventType) -> None:
        try:
            await self._client.create(event_type)
        except AlreadyExistsError:
            return  # the cache is behind, or a namesake is in the way; the next change tells


def _is_other(have: EventType, want: EventType) -> bool:
    return have.spec.reference != want.spec.reference or have.spec.attributes != (
        want.spec.attributes
    )
