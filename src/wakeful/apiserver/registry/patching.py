"""Patch: read, change as asked, replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wakeful.apimachinery.errors import BadRequestError, InvalidError
from wakeful.apimachinery.fields import forbidden, invalid, to_causes
from wakeful.apimachinery.patch import apply_patch, unsupported_patch
from wakeful.apimachinery.request import PatchType
from wakeful.apiserver.registry.applying import Applier
from wakeful.apiserver.registry.call import Call
from wakeful.apiserver.registry.codec import to_model
from wakeful.apiserver.registry.ownership import shape_for
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.writing import Writer


class Patcher:
    """Patches objects of every kind."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._applier = Applier(writer)

    def patch(self, call: Call, duplicates: Sequence[str] = ()) -> Response:
        """Change the object of the URL, or its status."""
        request, served = call.request, call.served
        patch_type = request.patch_type
        if patch_type is None:
            raise unsupported_patch("", custom=served.resource.custom)
        if patch_type is PatchType.STRATEGIC and served.resource.custom:
            raise unsupported_patch(patch_type, custom=True)
        if patch_type is PatchType.APPLY:
            return self._applier.apply(call, tuple(duplicates))
        if request.params.get("force"):
            raise InvalidError.of(
                "PatchOptions",
                "meta.k8s.io",
                "",
                to_causes([forbidden("force", "may not be specified for non-apply patch")]),
            )
        record = self._writer.current(call)
        current = served.encode(record.decode())
        patched = apply_patch(patch_type, request.body, current, shape_for(served))
        _check_identity(call, current, patched)
        return self._writer.replace(call, record, to_model(call, patched, duplicates))


def _check_identity(call: Call, current: dict[str, Any], patched: dict[str, Any]) -> None:
    """A patch may not turn an object into another.

    Raises:
        BadRequestError: Kind, version, name or namespace changed.
        InvalidError: The uid changed.
    """
    metadata = patched.get("metadata")
    if not isinstance(metadata, dict):
        raise BadRequestError("metadata must be an object")
    for field in ("apiVersion", "kind"):
        if patched.get(field) != current[field]:
            raise BadRequestError(
                f"the {field} in the data ({patched.get(field)}) does not match the expected"
                f" {field} ({current[field]})"
            )
    was = current["metadata"]
    for field in ("name", "namespace"):
        if metadata.get(field) != was.get(field):
            raise BadRequestError(
                f"the {field} of the object ({metadata.get(field)}) does not match the {field} on"
                f" the URL ({was.get(field)})"
            )
    if metadata.get("uid") != was["uid"]:
        raise call.invalid(
            was["name"], [invalid("metadata.uid", metadata.get("uid"), "field is immutable")]
        )
