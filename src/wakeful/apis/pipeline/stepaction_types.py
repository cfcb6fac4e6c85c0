"""StepAction: a step that tasks share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.core.pod_types import EnvVar, SecurityContext, VolumeMount
from wakeful.apis.pipeline.param_types import ParamSpec, ResultSpec
from wakeful.apis.pipeline.register import GROUP


class StepActionSpec(APIModel):
    """What the step does; see :class:`.step_types.Step`."""

    description: str = ""
    image: str = ""
    command: list[str] = Field(default_factory=list)
    args: list[str] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    script: str = ""
    working_dir: str = ""
    params: list[ParamSpec] = Field(default_factory=list)
    results: list[ResultSpec] = Field(default_factory=list)
    security_context: SecurityContext | None = None
    volume_mounts: list[VolumeMount] = Field(default_factory=list)


class StepAction(Object):
    """A step that tasks refer to."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "StepAction")

    spec: StepActionSpec = Field(default_factory=StepActionSpec)
