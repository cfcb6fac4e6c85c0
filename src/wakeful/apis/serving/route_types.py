"""Route: host names, and how their traffic is split over Revisions."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.serving import register
from wakeful.apis.serving.route_lifecycle import RouteStatus
from wakeful.apis.serving.traffic_types import TrafficTarget


class RouteSpec(APIModel):
    """Who gets how much."""

    traffic: list[TrafficTarget] = Field(default_factory=list)


class Route(KResource[RouteSpec, RouteStatus]):
    """Publishes Revisions under a URL."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Route")

    spec: RouteSpec = Field(default_factory=RouteSpec)
    status: RouteStatus = Field(default_factory=RouteStatus)

    @property
    def is_observed(self) -> bool:
        """Whether the status speaks of the newest generation."""
        return self.status.observed_generation == self.metadata.generation

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        return self.is_observed and ready is not None and ready.is_true

    @property
    def is_failed(self) -> bool:
        """Failed, judged on the newest generation."""
        ready = self.status.condition(READY)
        return self.is_observed and ready is not None and ready.is_false
