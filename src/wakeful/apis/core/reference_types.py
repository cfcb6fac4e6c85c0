"""References to objects anywhere."""

from __future__ import annotations

from wakeful.apimachinery.meta import APIModel, Object


class ObjectReference(APIModel):
    """Names one object, or a part of it."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""


class TypedLocalObjectReference(APIModel):
    """Names an object of the same namespace by group and kind."""

    api_group: str | None = None
    kind: str = ""
    name: str = ""


def reference_to(obj: Object) -> ObjectReference:
    """Return the reference that events and endpoints carry."""
    return ObjectReference(
        api_version=obj.gvk.api_version,
        kind=obj.gvk.kind,
        namespace=obj.metadata.namespace,
        name=obj.metadata.name,
        uid=obj.metadata.uid,
        resource_version=obj.metadata.resource_version,
    )
