"""Reading objects of whatever kind somebody refers to, and hearing when they change.

Kinds of the scheme that events have to do with (addressable ones and sources) are read from the
shared caches. Any other kind, a user's own among them, is asked for when it is needed, and looked
at again after a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery.conditions import READY, SUCCEEDED, Condition
from wakeful.apimachinery.errors import APIStatusError, NotFoundError, WakefulError
from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName, Object
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apimachinery.scheme import Resource, Scheme
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.apis.core import Service as KubeService
from wakeful.apis.flows import register as flows
from wakeful.client import Informer
from wakeful.controller import Controller, Manager, Tracker

_LOOK_AGAIN_SECONDS = 10.0
_WATCHED_LABELS = (
    "duck.knative.dev/addressable",
    "duck.knative.dev/source",
    "messaging.knative.dev/subscribable",
)


class UnresolvedError(WakefulError):
    """What is referred to cannot be found, or not be used; the text is for a condition."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of any kind, as far as references are concerned."""

    gvk: GroupVersionKind
    key: NamespacedName
    generation: int | None
    status: Mapping[str, Any]
    """As it is on the wire."""

    @property
    def ready(self) -> Condition | None:
        """Its happy condition, if it ever had one."""
        for item in self.status.get("conditions") or ():
            if isinstance(item, Mapping) and item.get("type") in (READY, SUCCEEDED):
                return Condition.from_wire(item)
        return None

    @property
    def is_observed(self) -> bool:
        """Whether its status speaks of the newest generation."""
        return self.generation is None or self.status.get("observedGeneration") == self.generation


@dataclass(frozen=True, slots=True)
class _Target:
    """A kind as it is asked for."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool


class References:
    """Reads what the objects of one controller refer to."""

    def __init__(self, manager: Manager) -> None:
        self._client = manager.client
        self._informers: dict[tuple[str, str], Informer[Any]] = {}
        for resource in manager.client.scheme:
            if _is_watched(resource):
                key = (resource.group, resource.kind)
                self._informers[key] = manager.informer(resource.model)
        self._definitions: Informer[CustomResourceDefinition] | None = None
        if manager.client.scheme.by_kind("apiextensions.k8s.io", "CustomResourceDefinition"):
            self._definitions = manager.informer(CustomResourceDefinition)
        self._controller: Controller[Any] | None = None
        self._tracker = Tracker(self._enqueue)
        for informer in self._informers.values():
            informer.add_handler(self._tracker.on_change)

    def connect(self, controller: Controller[Any]) -> None:
        """Have ``controller`` look again at whoever refers to something that changed."""
        self._controller = controller

    def forget(self, dependent: NamespacedName) -> None:
        """``dependent`` is gone, or is about to say anew what it refers to."""
        self._tracker.forget(dependent)

    async def read(
        self, gvk: GroupVersionKind, target: NamespacedName, dependent: NamespacedName
    ) -> Found | None:
        """The object, or None when there is none; ``dependent`` hears of changes either way.

        ``gvk`` may be of any served version, or without version.

        Raises:
            UnresolvedError: There is no such kind.
        """
        group, kind = _stored(gvk)
        informer = self._informers.get((group, kind))
        if informer is None:
            return await self._ask(gvk, target, dependent)
        self._check_version(gvk, group, kind)
        self._tracker.track(group, kind, target, dependent)
        obj = informer.get(target.name, target.namespace)
        return None if obj is None else _found(obj)

    def _check_version(self, gvk: GroupVersionKind, group: str, kind: str) -> None:
        resource = self._client.scheme.by_kind(group, kind)
        known = gvk.group != group or resource is None or gvk.version in resource.versions
        if gvk.version and not known:
            raise _no_match(gvk)

    async def _ask(
        self, gvk: GroupVersionKind, target: NamespacedName, dependent: NamespacedName
    ) -> Found | None:
        if self._controller is not None:
            self._controller.queue.add_after(dependent, _LOOK_AGAIN_SECONDS)
        kind = _in_scheme(self._client.scheme, gvk) or self._defined(gvk)
        if kind is None:
            raise _no_match(gvk)
        request = APIRequest(
            Verb.GET,
            kind.group,
            kind.version,
            kind.plural,
            namespace=target.namespace if kind.namespaced else "",
            name=target.name,
        )
        try:
            wire = await self._client.transport.call(request)
        except NotFoundError:
            return None
        except APIStatusError as err:
            raise UnresolvedError(f"failed to get object {target}: {err}") from err
        status = wire.get("status")
        return Found(
            GroupVersionKind(kind.group, kind.version, kind.kind),
            target,
            wire.get("metadata", {}).get("generation"),
            status if isinstance(status, Mapping) else {},
        )

    def _defined(self, gvk: GroupVersionKind) -> _Target | None:
        for definition in self._definitions or ():
            spec = definition.spec
            if (spec.group, spec.names.kind) != (gvk.group, gvk.kind):
                continue
            served = [version.name for version in spec.versions if version.served]
            version = gvk.version or next(iter(served), "")
            if version in served:
                namespaced = spec.scope == "Namespaced"
                return _Target(gvk.group, version, gvk.kind, spec.names.plural, namespaced)
        return None

    def _enqueue(self, dependent: NamespacedName) -> None:
        if self._controller is not None:
            self._controller.enqueue(dependent)


def _is_watched(resource: Resource) -> bool:
    if resource.model is KubeService:
        return True
    return any(resource.labels.get(label) == "true" for label in _WATCHED_LABELS)


def _stored(gvk: GroupVersionKind) -> tuple[str, str]:
    """Group and kind under which objects are kept: two kinds moved to another group once."""
    moved = gvk.group == flows.LEGACY_GROUP and gvk.kind in ("Sequence", "Parallel")
    return (flows.GROUP if moved else gvk.group), gvk.kind


def _in_scheme(scheme: Scheme, gvk: GroupVersionKind) -> _Target | None:
    resource = scheme.by_kind(gvk.group, gvk.kind)
    if resource is None or (gvk.version and gvk.version not in resource.versions):
        return None
    version = gvk.version or resource.gvk.version
    return _Target(gvk.group, version, gvk.kind, resource.plural, resource.namespaced)


def _found(obj: Object) -> Found:
    status = getattr(obj, "status", None)
    wire = status.to_wire() if status is not None else {}
    return Found(obj.gvk, obj.key, obj.metadata.generation, wire)


def _no_match(gvk: GroupVersionKind) -> UnresolvedError:
    where = f'in version "{gvk.api_version}"' if gvk.version else f'in group "{gvk.group}"'
    return UnresolvedError(f'no matches for kind "{gvk.kind}" {where}')
