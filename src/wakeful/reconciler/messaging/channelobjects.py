"""Making, reading and changing channels of whatever kind a template names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError

from wakeful.apimachinery.errors import AlreadyExistsError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import (
    GroupVersionKind,
    NamespacedName,
    Object,
    ObjectMeta,
    is_controlled_by,
    owner_reference,
)
from wakeful.apis.duck import DeliverySpec, SubscriberSpec
from wakeful.apis.messaging import Channel, ChannelObject, ChannelTemplateSpec, register
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.references import UnresolvedError

_ATTEMPTS = 8


class ChannelObjects:
    """Every kind of channel that carries events itself; one for all controllers."""

    def __init__(self, manager: Manager) -> None:
        self._client = manager.client
        self._models: dict[tuple[str, str], type[Object]] = {}
        self._informers: dict[type[Object], Informer[Any]] = {}
        for resource in manager.client.scheme:
            labels = resource.labels
            if labels.get(register.SUBSCRIBABLE_LABEL) == "true" and resource.model is not Channel:
                self._models[resource.group, resource.kind] = resource.model
                self._informers[resource.model] = manager.informer(resource.model)
        self._locks: WeakValueDictionary[tuple[type[Object], NamespacedName], asyncio.Lock] = (
            WeakValueDictionary()
        )

    def watch_owned_by(self, controller: Controller[Any]) -> None:
        """Have ``controller`` look again at owners of channels that change."""
        for informer in self._informers.values():
            controller.watch_owned(informer)

    def add_handler(self, handler: Callable[[Change[Any]], None]) -> None:
        """Call ``handler`` for changes of channels of every kind."""
        for informer in self._informers.values():
            informer.add_handler(handler)

    def find(self, gvk: GroupVersionKind, key: NamespacedName) -> ChannelObject | None:
        """A channel as the cache has it.

        Raises:
            UnresolvedError: There is no such kind of channel.
        """
        obj = self._informers[self._model(gvk)].get(key.name, key.namespace)
        return None if obj is None else ChannelObject(obj)

    def owned_by(self, owner: Object) -> list[ChannelObject]:
        """Every channel whose controller is ``owner``, of any kind."""
        return [
            ChannelObject(obj)
            for informer in self._informers.values()
            for obj in informer.list(owner.metadata.namespace)
            if is_controlled_by(obj, owner) and not obj.is_deleting
        ]

    def make(
        self,
        template: ChannelTemplateSpec,
        owner: Object,
        name: str,
        *,
        delivery: DeliverySpec | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> ChannelObject:
        """A channel as ``template`` says, to be created.

        Raises:
            UnresolvedError: There is no such kind of channel, or it cannot have that spec.
        """
        model = self._model(template.gvk)
        spec = dict(template.spec or {})
        if delivery is not None:
            spec.setdefault("delivery", delivery.to_wire())
        try:
            obj = model.from_wire({"spec": spec})
        except ValidationError as err:
            first = err.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UnresolvedError(
                f"a {template.kind} cannot have the template's spec: {where}: {first['msg']}"
            ) from err
        obj.metadata = ObjectMeta(
            name=name,
            namespace=owner.metadata.namespace,
            labels=dict(labels or {}),
            annotations=_history(template, model) | dict(annotations or {}),
            owner_references=[owner_reference(owner)],
        )
        return ChannelObject(obj)

    async def ensure(self, want: ChannelObject, owner: Object) -> ChannelObject:
        """Create the channel, or bring what others may not touch in line: its delivery and labels.

        Raises:
            UnresolvedError: Somebody else has one of that name.
        """
        have = self.find(want.gvk, want.key)
        if have is None:
            try:
                return ChannelObject(await self._client.create(want.obj))
            except AlreadyExistsError:
                have = await self._read(want)
        if not is_controlled_by(have.obj, owner):
            raise UnresolvedError(
                f'{owner.gvk.kind} {owner.key} does not own {have.gvk.kind} "{have.key.name}"'
            )
        if _is_in_line(want, have):
            return have
        meta = have.obj.metadata.model_copy(
            update={
                "labels": have.obj.metadata.labels | want.obj.metadata.labels,
                "annotations": have.obj.metadata.annotations | want.obj.metadata.annotations,
            }
        )
        spec = have.spec.model_copy(update={"delivery": want.spec.delivery})
        changed = have.obj.model_copy(update={"metadata": meta, "spec": spec})
        return ChannelObject(await self._client.update(changed))

    async def _read(self, want: ChannelObject) -> ChannelObject:
        key = want.key
        return ChannelObject(await self._client.get(type(want.obj), key.name, key.namespace))

    async def set_subscriber(
        self, channel: ChannelObject, uid: str, subscriber: SubscriberSpec | None
    ) -> bool:
        """Give the channel a subscriber, or take it away; return whether anything changed.

        Writers of this process take turns, so that many Subscriptions of one channel do not spoil
        each other's writes.

        Raises:
            ConflictError: Others kept changing the channel.
            NotFoundError: It is gone.
        """
        if _with_subscriber(channel.spec.subscribers, uid, subscriber) is None:
            return False
        lock = self._locks.setdefault((type(channel.obj), channel.key), asyncio.Lock())
        async with lock:
            for _attempt in range(_ATTEMPTS):
                latest = await self._read(channel)
                changed = _with_subscriber(latest.spec.subscribers, uid, subscriber)
                if changed is None:
                    return False
                spec = latest.spec.model_copy(update={"subscribers": changed})
                try:
                    await self._client.update(latest.obj.model_copy(update={"spec": spec}))
                except ConflictError:
                    continue
                return True
        raise ConflictError(f"{channel.gvk.kind} {channel.key} kept changing")

    async def delete(self, channel: ChannelObject) -> None:
        """Remove a channel, unless it is another one by now."""
        meta = channel.obj.metadata
        try:
            await self._client.delete(type(channel.obj), meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return

    def _model(self, gvk: GroupVersionKind) -> type[Object]:
        model = self._models.get((gvk.group, gvk.kind))
        resource = self._client.scheme.by_kind(gvk.group, gvk.kind)
        if model is None or resource is None:
            raise UnresolvedError(
                f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}" among channels'
            )
        if gvk.version and gvk.version not in resource.versions:
            raise UnresolvedError(
                f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}"'
            )
        return model


def _history(template: ChannelTemplateSpec, model: type[Object]) -> dict[str, str]:
    """Channels that are asked for in 2019's version record the way of events, as they did then."""
    version = template.gvk.version
    is_old = version == "v1alpha1" and model.gvk.version != version
    return {register.HISTORY: "enabled"} if is_old else {}


def _is_in_line(want: ChannelObject, have: ChannelObject) -> bool:
    meta, current = want.obj.metadata, have.obj.metadata
    return (
        _wire(want.spec.delivery) == _wire(have.spec.delivery)
        and meta.labels.items() <= current.labels.items()
        and meta.annotations.items() <= current.annotations.items()
    )


def _wire(delivery: DeliverySpec | None) -> dict[str, Any]:
    return {} if delivery is None else delivery.to_wire()


def _with_subscriber(
    have: Sequence[SubscriberSpec], uid: str, want: SubscriberSpec | None
) -> list[SubscriberSpec] | None:
    """The changed list; None when it is as wanted."""
    found = next((item for item in have if item.uid == uid), None)
    if found == want or (
        found is not None and want is not None and found.to_wire() == want.to_wire()
    ):
        return None
    if found is None:
        assert want is not None
        return [*have, want]
    if want is None:
        return [item for item in have if item.uid != uid]
    return [want if item.uid == uid else item for item in have]


def group_by_uid(subscribers: Sequence[Any]) -> Mapping[str, Any]:
    """Specs or statuses of subscribers by the uid of their Subscription."""
    return {item.uid: item for item in subscribers}
