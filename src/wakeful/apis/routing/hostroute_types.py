"""HostRoute: hosts of one's own, whose paths and headers lead to different services."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import KReference
from wakeful.apis.routing.hostroute_lifecycle import HostRouteStatus

GROUP = "networking.wakeful.dev"


class PathType(StrEnum):
    """How a rule's path is compared."""

    PREFIX = "Prefix"
    """Whole segments from the start: ``/login`` is for ``/login/now``, not for ``/logins``."""
    EXACT = "Exact"


class HostRouteTarget(APIModel):
    """A service and its share."""

    service: str = ""
    """Name of a Knative Service in the same namespace."""
    ref: KReference | None = None
    """Anything else with a cluster-local address, instead of ``service``."""
    percent: int = 0
    """Share of the rule's requests; may be left out when there is one target."""


class HostRouteRule(APIModel):
    """Requests of a path that carry all the headers, exactly."""

    path: str = ""
    path_type: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    rewrite_path: str = ""
    """What the matched path becomes on the way; empty leaves it as it is."""
    to: list[HostRouteTarget] = Field(default_factory=list)


class SecretTLS(APIModel):
    """A certificate the user brings."""

    secret_name: str = ""


class HostRouteSpec(APIModel):
    """Exact paths win over prefixes, longer ones over shorter, more headers over fewer."""

    hosts: list[str] = Field(default_factory=list)
    rules: list[HostRouteRule] = Field(default_factory=list)
    tls: SecretTLS | None = None


class HostRoute(KResource[HostRouteSpec, HostRouteStatus]):
    """What no rule matches is answered with 404."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "HostRoute")

    spec: HostRouteSpec = Field(default_factory=HostRouteSpec)
    status: HostRouteStatus = Field(default_factory=HostRouteStatus)
