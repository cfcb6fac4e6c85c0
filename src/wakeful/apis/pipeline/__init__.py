"""``tekton.dev``: Tasks, Pipelines, their runs, and what older versions had besides.

Models, defaults, validation, conversion; how runs go on is decided in ``wakeful.pipelines`` and
done in ``wakeful.reconciler.pipeline``. Every version is stored in one shape: v1's, and a field
``legacy`` wherever older versions have what v1 has no place for.
"""

from wakeful.apis.pipeline.customrun_types import CustomRun, CustomRunStatus, Run
from wakeful.apis.pipeline.legacy_types import Condition, PipelineResource, PipelineResourceSpec
from wakeful.apis.pipeline.param_types import (
    Matrix,
    Param,
    ParamSpec,
    ResultSpec,
    ResultValue,
    TaskResult,
    WhenExpression,
)
from wakeful.apis.pipeline.pipeline_types import (
    Pipeline,
    PipelineRef,
    PipelineResult,
    PipelineSpec,
    PipelineTask,
)
from wakeful.apis.pipeline.pipelinerun_types import (
    ChildStatusReference,
    PipelineRun,
    PipelineRunResult,
    PipelineRunSpec,
    PipelineRunStatus,
    PipelineTaskRunSpec,
    SkippedTask,
)
from wakeful.apis.pipeline.pod_template_types import PodTemplate, merge_pod_templates
from wakeful.apis.pipeline.register import (
    CustomRunReason,
    PipelineRunReason,
    PipelineRunSpecStatus,
    SkippingReason,
    TaskRunReason,
    TaskRunSpecStatus,
)
from wakeful.apis.pipeline.resources import RESOURCES
from wakeful.apis.pipeline.scalars import ParamType, type_of
from wakeful.apis.pipeline.step_types import Sidecar, Step, StepTemplate
from wakeful.apis.pipeline.stepaction_types import StepAction, StepActionSpec
from wakeful.apis.pipeline.task_types import ClusterTask, EmbeddedTask, Task, TaskRef, TaskSpec
from wakeful.apis.pipeline.taskrun_types import (
    SidecarState,
    StepState,
    TaskRun,
    TaskRunSpec,
    TaskRunStatus,
)
from wakeful.apis.pipeline.verificationpolicy_types import VerificationPolicy
from wakeful.apis.pipeline.workspace_types import (
    WorkspaceBinding,
    WorkspaceDeclaration,
    WorkspacePipelineTaskBinding,
)

__all__ = [
    "RESOURCES",
    "ChildStatusReference",
    "ClusterTask",
    "Condition",
    "CustomRun",
    "CustomRunReason",
    "CustomRunStatus",
    "EmbeddedTask",
    "Matrix",
    "Param",
    "ParamSpec",
    "ParamType",
    "Pipeline",
    "PipelineRef",
    "PipelineResource",
    "PipelineResourceSpec",
    "PipelineResult",
    "PipelineRun",
    "PipelineRunReason",
    "PipelineRunResult",
    "PipelineRunSpec",
    "PipelineRunSpecStatus",
    "PipelineRunStatus",
    "PipelineSpec",
    "PipelineTask",
    "PipelineTaskRunSpec",
    "PodTemplate",
    "ResultSpec",
    "ResultValue",
    "Run",
    "Sidecar",
    "SidecarState",
    "SkippedTask",
    "SkippingReason",
    "Step",
    "StepAction",
    "StepActionSpec",
    "StepState",
    "StepTemplate",
    "Task",
    "TaskRef",
    "TaskResult",
    "TaskRun",
    "TaskRunReason",
    "TaskRunSpec",
    "TaskRunSpecStatus",
    "TaskRunStatus",
    "TaskSpec",
    "VerificationPolicy",
    "WhenExpression",
    "WorkspaceBinding",
    "WorkspaceDeclaration",
    "WorkspacePipelineTaskBinding",
    "merge_pod_templates",
    "type_of",
]
