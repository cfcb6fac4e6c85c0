"""``networking.wakeful.dev``: several services under one host, by path and header.

Knative has no such object; it is this platform's own, made into an Ingress like everything else.
"""

from wakeful.apimachinery.scheme import READINESS, Column, Resource
from wakeful.apis.routing.hostroute_lifecycle import HOSTROUTE_CONDITIONS, HostRouteStatus
from wakeful.apis.routing.hostroute_types import (
    GROUP,
    HostRoute,
    HostRouteRule,
    HostRouteSpec,
    HostRouteTarget,
    PathType,
)
from wakeful.apis.routing.hostroute_validation import set_hostroute_defaults, validate_hostroute

RESOURCES = (
    Resource(
        HostRoute,
        "hostroutes",
        singular="hostroute",
        short_names=("hr",),
        categories=("all", "knative", "serving"),
        has_status=True,
        columns=(
            Column("Hosts", ".spec.hosts"),
            Column("URL", ".status.url"),
            *READINESS,
        ),
        set_defaults=set_hostroute_defaults,
        validate=validate_hostroute,
    ),
)

__all__ = [
    "GROUP",
    "HOSTROUTE_CONDITIONS",
    "RESOURCES",
    "HostRoute",
    "HostRouteRule",
    "HostRouteSpec",
    "HostRouteStatus",
    "HostRouteTarget",
    "PathType",
]
