"""Who owns which field of what is about to be stored.

Writes over HTTP are always tracked. Controllers of this process are not, unless somebody's
ownership would be wrong afterwards: their objects would carry entries nobody ever reads.
"""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.managedfields import track_update
from wakeful.apimachinery.shapes import Shape, shape_of, shape_of_schema, with_metadata
from wakeful.apiserver.registry.call import Call, Tracking
from wakeful.apiserver.registry.served import Served


def shape_for(served: Served) -> Shape:
    """How objects of a kind merge."""
    if served.schema is not None:
        return with_metadata(shape_of_schema(served.schema))
    gvk = served.resource.gvk
    return shape_of(gvk.group, gvk.kind)


def track(call: Call, old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """Return ``new`` with the ownership that results from this write."""
    subresource = call.request.subresource
    owned = old is not None and bool(old["metadata"].get("managedFields"))
    if call.tracking is Tracking.DONE:
        return new
    if call.tracking is Tracking.ONLY_OWNED and (not owned or subresource == "status"):
        return new
    return track_update(
        old,
        new,
        manager=call.field_manager,
        api_version=call.served.resource.gvk.api_version,
        now=call.now,
        shape=shape_for(call.served),
        subresource=subresource,
    )
