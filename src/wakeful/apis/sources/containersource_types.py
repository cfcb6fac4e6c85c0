"""ContainerSource: a program of the user's that sends events."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import Condition, ConditionSet
from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.core.pod_types import PodTemplateSpec
from wakeful.apis.duck import SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.source_lifecycle import LivingSourceStatus

SINK_BINDING_READY = "SinkBindingReady"
RECEIVE_ADAPTER_READY = "ReceiveAdapterReady"


class ContainerSourceSpec(SourceSpec):
    """What to run."""

    template: PodTemplateSpec = Field(default_factory=PodTemplateSpec)


class ContainerSourceStatus(LivingSourceStatus):
    """Whether it runs, and knows its sink."""

    condition_set: ClassVar = ConditionSet.living(SINK_BINDING_READY, RECEIVE_ADAPTER_READY)

    def propagate_binding(self, ready: Condition | None) -> None:
        """Copy whether the binding is ready."""
        if ready is None:
            self.manager.mark_unknown(SINK_BINDING_READY, "", "")
        else:
            self.manager.copy_from(SINK_BINDING_READY, ready)

    def propagate_deployment(self, name: str, available: Condition | None) -> None:
        """Copy whether the Deployment is available."""
        if available is None:
            message = f"The Deployment '{name}' is unavailable."
            self.manager.mark_unknown(RECEIVE_ADAPTER_READY, "DeploymentUnavailable", message)
        else:
            self.manager.copy_from(RECEIVE_ADAPTER_READY, available)


class ContainerSource(KResource[ContainerSourceSpec, ContainerSourceStatus]):
    """Runs pods that find their sink in ``K_SINK``."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "ContainerSource")

    spec: ContainerSourceSpec = Field(default_factory=ContainerSourceSpec)
    status: ContainerSourceStatus = Field(default_factory=ContainerSourceStatus)

    @property
    def wanted(self) -> ContainerSourceSpec:
        """The spec in today's shape."""
        return self.spec
