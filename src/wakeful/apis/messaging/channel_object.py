"""A channel of any kind, as those see it who only want a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName, Object
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.duck import ChannelableSpec, ChannelableStatus


@dataclass(frozen=True, slots=True)
class ChannelObject:
    """An object of a kind whose spec and status have at least what every channel has."""

    obj: Object

    @property
    def gvk(self) -> GroupVersionKind:
        """Its kind."""
        return self.obj.gvk

    @property
    def key(self) -> NamespacedName:
        """Namespace and name."""
        return self.obj.key

    @property
    def spec(self) -> ChannelableSpec:
        """Subscribers and delivery."""
        return cast("ChannelableSpec", cast("Any", self.obj).spec)

    @property
    def status(self) -> ChannelableStatus:
        """Address and the subscribers' statuses."""
        return cast("ChannelableStatus", cast("Any", self.obj).status)

    @property
    def reference(self) -> ObjectReference:
        """How statuses name it."""
        return ObjectReference(
            api_version=self.gvk.api_version,
            kind=self.gvk.kind,
            name=self.key.name,
            namespace=self.key.namespace,
        )
