"""What only versions before v1 have: PipelineResources, Conditions, and how tasks use them.

Objects of every version are stored in one shape, v1's. What v1 has no place for is kept under one
extra field, ``legacy``, of the part it belongs to; only v1alpha1 and v1beta1 show it as its fields.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object, Time
from wakeful.apis.core.pod_types import Container
from wakeful.apis.pipeline.param_types import Param, ParamSpec
from wakeful.apis.pipeline.register import GROUP


class ResourceParam(APIModel):
    """A property of a resource; names ignore case."""

    name: str = ""
    value: str = ""


class SecretParam(APIModel):
    """A property taken from a secret."""

    field_name: str = ""
    secret_key: str = ""
    secret_name: str = ""


class PipelineResourceSpec(APIModel):
    """A git repository, an image, a bucket, a cluster: what goes into and comes out of tasks."""

    description: str = ""
    type: str = ""
    params: list[ResourceParam] = Field(default_factory=list)
    secrets: list[SecretParam] = Field(default_factory=list)

    def param(self, name: str) -> str:
        """A property; empty when it is not set."""
        wanted = name.lower()
        return next((p.value for p in self.params if p.name.lower() == wanted), "")


class PipelineResource(Object):
    """Something tasks take in or put out."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "PipelineResource")

    spec: PipelineResourceSpec = Field(default_factory=PipelineResourceSpec)
    status: dict[str, Any] | None = None


class TaskResource(APIModel):
    """A resource a task declares."""

    name: str = ""
    type: str = ""
    description: str = ""
    target_path: str = ""
    """Directory below ``/workspace``; empty: the resource's name."""
    optional: bool = False
    output_image_dir: str = ""
    """Where an image's layout is put; empty: below the HOME of 2019."""


class TaskResources(APIModel):
    """What a task takes in and puts out."""

    inputs: list[TaskResource] = Field(default_factory=list)
    outputs: list[TaskResource] = Field(default_factory=list)


class PipelineResourceRef(APIModel):
    """A PipelineResource of the namespace."""

    name: str = ""
    api_version: str = ""


class PipelineResourceBinding(APIModel):
    """Which resource a declared one is in this run; one of the two is set."""

    name: str = ""
    resource_ref: PipelineResourceRef | None = None
    resource_spec: PipelineResourceSpec | None = None


class TaskResourceBinding(PipelineResourceBinding):
    """The same for a TaskRun; ``paths`` are where another task left it."""

    paths: list[str] = Field(default_factory=list)


class TaskRunResources(APIModel):
    """Bindings of what a task takes in and puts out."""

    inputs: list[TaskResourceBinding] = Field(default_factory=list)
    outputs: list[TaskResourceBinding] = Field(default_factory=list)


class PipelineDeclaredResource(APIModel):
    """A resource a pipeline declares."""

    name: str = ""
    type: str = ""
    optional: bool = False


class PipelineTaskInputResource(APIModel):
    """Which of the pipeline's resources a task takes in."""

    name: str = ""
    resource: str = ""
    from_: list[str] = Field(default_factory=list, alias="from")
    """Tasks that put it out before; they run first."""


class PipelineTaskOutputResource(APIModel):
    """Which of the pipeline's resources a task puts out."""

    name: str = ""
    resource: str = ""


class PipelineTaskCondition(APIModel):
    """A check before a task runs."""

    condition_ref: str = ""
    params: list[Param] = Field(default_factory=list)
    resources: list[PipelineTaskInputResource] = Field(default_factory=list)


class PipelineTaskLegacy(APIModel):
    """Resources and checks of a pipeline task."""

    inputs: list[PipelineTaskInputResource] = Field(default_factory=list)
    outputs: list[PipelineTaskOutputResource] = Field(default_factory=list)
    conditions: list[PipelineTaskCondition] = Field(default_factory=list)


class PipelineLegacy(APIModel):
    """Resources a pipeline declares."""

    resources: list[PipelineDeclaredResource] = Field(default_factory=list)


class PipelineRunLegacy(APIModel):
    """Which resources a run's declared ones are."""

    resources: list[PipelineResourceBinding] = Field(default_factory=list)


class PipelineResourceResult(APIModel):
    """What is known of a resource after a run: a commit, a digest."""

    key: str = ""
    value: str = ""
    name: str = ""
    digest: str = ""
    resource_name: str = ""
    resource_ref: PipelineResourceRef | None = None


class CloudEventDeliveryState(APIModel):
    """How sending an event went."""

    condition: str = ""
    sent_at: Time | None = None
    message: str = ""
    retry_count: int = 0


class CloudEventDelivery(APIModel):
    """An event sent at the end of a run."""

    target: str = ""
    status: CloudEventDeliveryState | None = None


class ConditionCheck(Container):
    """A container that may have a script, as steps may."""

    script: str = ""


class ConditionSpec(APIModel):
    """A container whose exit code says whether a task runs."""

    description: str = ""
    check: ConditionCheck = Field(default_factory=ConditionCheck)
    params: list[ParamSpec] = Field(default_factory=list)
    resources: list[TaskResource] = Field(default_factory=list)


class Condition(Object):
    """A check pipelines of 2019 could make before a task."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "Condition")

    spec: ConditionSpec = Field(default_factory=ConditionSpec)
