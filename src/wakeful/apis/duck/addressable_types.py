"""Addresses that can receive requests or events, and references to whoever has one."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, NamespacedName


class Addressable(APIModel):
    """Where something can be reached; ``hostname`` is the 2019 spelling of the same."""

    name: str = ""
    url: str = ""
    hostname: str = ""
    ca_certs: str = Field(default="", alias="CACerts")
    audience: str = ""


class AddressStatus(APIModel):
    """The part of a status by which an object is addressable."""

    address: Addressable | None = None
    """What most readers look at."""
    addresses: list[Addressable] = Field(default_factory=list)
    """Every address, the best first; empty where there is only one."""


class KReference(APIModel):
    """A reference to an object by kind and name; ``namespace`` defaults to the referrer's."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    api_version: str = ""
    group: str = ""
    """Instead of ``api_version``: any version; only with the feature ``kreference-group``."""
    address: str = ""
    """Name of one of the target's addresses; empty for the first."""

    @property
    def gvk(self) -> GroupVersionKind:
        """The kind referred to; the version is empty when only the group was given."""
        if self.api_version:
            return GroupVersionKind.parse(self.api_version, self.kind)
        return GroupVersionKind(self.group, "", self.kind)

    def key_in(self, namespace: str) -> NamespacedName:
        """Namespace and name as seen from an object in ``namespace``."""
        return NamespacedName(self.namespace or namespace, self.name)


class Destination(APIModel):
    """Where events go: an object that has an address, a URI, or a URI relative to the former.

    The flat form of 2019 (``kind``, ``name``, ``apiVersion`` beside ``ref``) is rewritten into
    ``ref`` before a model sees it: :func:`wakeful.apis.duck.destination_conversion.unflatten`.
    """

    ref: KReference | None = None
    uri: str = ""
    ca_certs: str = Field(default="", alias="CACerts")
    audience: str = ""
