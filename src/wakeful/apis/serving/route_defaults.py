"""Defaults of a Route."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving.admission import set_user_info
from wakeful.apis.serving.route_types import Route, RouteSpec


def set_route_defaults(route: Route, old: Object | None, context: AdmissionContext) -> None:
    """Complete the targets; note who asked unless a Service owns the object."""
    if context.subresource == "status":
        return
    set_traffic_defaults(route.spec)
    if not route.metadata.owner_references:
        before = old.spec if isinstance(old, Route) else None
        set_user_info(route, route.spec, before, context)


def set_traffic_defaults(spec: RouteSpec) -> None:
    """Say of every target whether it follows the latest Revision, and its share."""
    for target in spec.traffic:
        if target.latest_revision is None:
            target.latest_revision = not target.revision_name
        if target.percent is None:
            target.percent = 0
