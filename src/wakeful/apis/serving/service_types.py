"""Service: one object that is a Configuration and a Route."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.serving import register
from wakeful.apis.serving.configuration_types import ConfigurationSpec
from wakeful.apis.serving.route_types import RouteSpec
from wakeful.apis.serving.service_lifecycle import ServiceStatus


class ServiceSpec(RouteSpec, ConfigurationSpec):
    """A template and a routing table."""


class Service(KResource[ServiceSpec, ServiceStatus]):
    """What most users write: code, settings and traffic in one."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Service")

    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    status: ServiceStatus = Field(default_factory=ServiceStatus)

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true
