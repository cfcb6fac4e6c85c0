"""Fields that versions before v1 have and v1 has not."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apimachinery.pruning import OPEN, structure_of
from wakeful.apis.core.pod_types import (
    ContainerPort,
    Lifecycle,
    Probe,
    ResourceRequirements,
)
from wakeful.apis.pipeline.legacy_types import (
    PipelineDeclaredResource,
    PipelineResourceBinding,
    PipelineTaskCondition,
    PipelineTaskInputResource,
    PipelineTaskOutputResource,
    TaskResource,
    TaskResourceBinding,
    TaskRunResources,
)
from wakeful.apis.pipeline.param_types import Param, ParamSpec, ResultValue
from wakeful.apis.pipeline.pipeline_types import PipelineRef, PipelineSpec, PipelineTask
from wakeful.apis.pipeline.pipelinerun_types import (
    PipelineRunResult,
    PipelineRunSpec,
    PipelineRunStatus,
    PipelineTaskRunSpec,
)
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.reading import Extras
from wakeful.apis.pipeline.step_types import Sidecar, Step, StepTemplate
from wakeful.apis.pipeline.task_types import TaskRef, TaskSpec
from wakeful.apis.pipeline.taskrun_types import (
    TaskBreakpoints,
    TaskRunSpec,
    TaskRunStatus,
    TaskRunStepSpec,
)


class Inputs(APIModel):
    """``spec.inputs`` of 2019, of Tasks and TaskRuns alike."""

    resources: list[TaskResource] = Field(default_factory=list)
    params: list[ParamSpec] = Field(default_factory=list)


class Outputs(APIModel):
    """``spec.outputs`` of 2019."""

    resources: list[TaskResource] = Field(default_factory=list)
    results: list[dict[str, Any]] = Field(default_factory=list)


class RunInputs(APIModel):
    """``spec.inputs`` of TaskRuns of 2019."""

    resources: list[TaskResourceBinding] = Field(default_factory=list)
    params: list[Param] = Field(default_factory=list)


class RunOutputs(APIModel):
    """``spec.outputs`` of TaskRuns of 2019."""

    resources: list[TaskResourceBinding] = Field(default_factory=list)
    params: list[Param] = Field(default_factory=list)


class _TaskResourcesWire(APIModel):
    inputs: list[TaskResource] = Field(default_factory=list)
    outputs: list[TaskResource] = Field(default_factory=list)


class _PipelineTaskResourcesWire(APIModel):
    inputs: list[PipelineTaskInputResource] = Field(default_factory=list)
    outputs: list[PipelineTaskOutputResource] = Field(default_factory=list)


class _ServiceAccountOfTask(APIModel):
    task_name: str = ""
    service_account: str = ""
    service_account_name: str = ""


_RESOURCES = structure_of(ResourceRequirements)
OLD_STEP_FIELDS = {
    "ports": structure_of(list[ContainerPort]),
    "livenessProbe": structure_of(Probe),
    "readinessProbe": structure_of(Probe),
    "startupProbe": structure_of(Probe),
    "lifecycle": structure_of(Lifecycle),
    "terminationMessagePath": OPEN,
    "terminationMessagePolicy": OPEN,
    "stdin": OPEN,
    "stdinOnce": OPEN,
    "tty": OPEN,
}
"""Fields of a container that steps had before v1."""
_OVERRIDES = {
    "stepOverrides": structure_of(list[TaskRunStepSpec]),
    "sidecarOverrides": structure_of(list[TaskRunStepSpec]),
}
V1: Extras = {}
V1BETA1: Extras = {
    StepTemplate: {"resources": _RESOURCES, "name": OPEN, **OLD_STEP_FIELDS},
    Step: {},
    Sidecar: {},
    TaskSpec: {"resources": structure_of(_TaskResourcesWire)},
    TaskRef: {"bundle": OPEN},
    PipelineRef: {"bundle": OPEN},
    TaskRunSpec: {"resources": structure_of(TaskRunResources), **_OVERRIDES},
    TaskBreakpoints: {"breakpoint": OPEN},
    TaskRunStepSpec: {"resources": _RESOURCES},
    TaskRunStatus: {"taskResults": structure_of(list[ResultValue])},
    PipelineSpec: {"resources": structure_of(list[PipelineDeclaredResource])},
    PipelineTask: {
        "resources": structure_of(_PipelineTaskResourcesWire),
        "conditions": structure_of(list[PipelineTaskCondition]),
    },
    PipelineRunSpec: {
        "resources": structure_of(list[PipelineResourceBinding]),
        "serviceAccountName": OPEN,
        "serviceAccountNames": structure_of(list[_ServiceAccountOfTask]),
        "podTemplate": structure_of(PodTemplate),
        "timeout": OPEN,
    },
    PipelineTaskRunSpec: {
        "taskServiceAccountName": OPEN,
        "taskPodTemplate": structure_of(PodTemplate),
        **_OVERRIDES,
    },
    PipelineRunStatus: {
        "pipelineResults": structure_of(list[PipelineRunResult]),
        "taskRuns": OPEN,
        "runs": OPEN,
    },
}
V1ALPHA1: Extras = {
    **V1BETA1,
    TaskSpec: {
        **V1BETA1[TaskSpec],
        "inputs": structure_of(Inputs),
        "outputs": structure_of(Outputs),
    },
    TaskRunSpec: {
        **V1BETA1[TaskRunSpec],
        "inputs": structure_of(RunInputs),
        "outputs": structure_of(RunOutputs),
        "serviceAccount": OPEN,
        "trigger": OPEN,
    },
    PipelineRunSpec: {
        **V1BETA1[PipelineRunSpec],
        "serviceAccount": OPEN,
        "serviceAccounts": structure_of(list[_ServiceAccountOfTask]),
        "trigger": OPEN,
    },
}
