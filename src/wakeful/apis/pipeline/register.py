"""The keys of Tekton: labels, annotations, directories, reasons."""

from __future__ import annotations

from enum import StrEnum

GROUP = "tekton.dev"
WEBHOOK = "webhook.pipeline.tekton.dev"
"""Refusals to read an object are worded as this webhook's."""
VALIDATION_WEBHOOK = "validation.webhook.pipeline.tekton.dev"
"""Refusals of what was read are worded as this webhook's."""

SYSTEM_NAMESPACE = "tekton-pipelines"
RESOLVERS_NAMESPACE, RESOLVERS_FLAGS = "tekton-pipelines-resolvers", "resolvers-feature-flags"
"""Where the resolvers are configured, and which of them may be used."""
CONFIG_DEFAULTS, FEATURE_FLAGS = "config-defaults", "feature-flags"
CONFIG_EVENTS, PIPELINES_INFO = "config-events", "pipelines-info"
MANAGED_BY = f"{GROUP}/pipeline"
"""Value of ``spec.managedBy`` of runs that are ours; also of runs without one."""

# --- labels and annotations -----------------------------------------------------------------------

PIPELINE_LABEL = f"{GROUP}/pipeline"
PIPELINE_RUN_LABEL = f"{GROUP}/pipelineRun"
PIPELINE_RUN_UID_LABEL = f"{GROUP}/pipelineRunUID"
PIPELINE_TASK_LABEL = f"{GROUP}/pipelineTask"
TASK_LABEL = f"{GROUP}/task"
CLUSTER_TASK_LABEL = f"{GROUP}/clusterTask"
TASK_RUN_LABEL = f"{GROUP}/taskRun"
TASK_RUN_UID_LABEL = f"{GROUP}/taskRunUID"
MEMBER_OF_LABEL = f"{GROUP}/memberOf"
"""``tasks`` or ``finally``."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
RELEASE_ANNOTATION = "pipeline.tekton.dev/release"
READY_ANNOTATION = f"{GROUP}/ready"
SIGNATURE_ANNOTATION = f"{GROUP}/signature"
TRUSTED = "TrustedResourcesVerified"
"""The condition that tells whether what a run refers to is signed as it has to be."""
ON_ERROR_ANNOTATION = "pipeline.tekton.dev/pipeline-task-on-error"
"""On TaskRuns whose failure the pipeline goes on after: value ``continue``."""
AUTO_CLEANUP_ANNOTATION = f"{GROUP}/auto-cleanup-pvc"
"""On PipelineRuns: ``true`` has the claims made from templates deleted when the run has ended."""
EXECUTION_MODE_ANNOTATION, HERMETIC = "experimental.tekton.dev/execution-mode", "hermetic"
"""On TaskRuns: steps have no network (alpha)."""
RESERVED_ANNOTATION_PREFIX = "chains.tekton.dev/"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# --- directories in a step ------------------------------------------------------------------------

WORKSPACE_DIR = "/workspace"
RESULTS_DIR = "/tekton/results"
HOME_DIR = "/tekton/home"
CREDS_DIR = "/tekton/creds"
STEPS_DIR = "/tekton/steps"
ARTIFACTS_DIR = "/tekton/artifacts"
RUN_DIR = "/tekton/run"
OLD_HOME_DIR = "/builder/home"
"""HOME of 2019; what the book's manifests point into."""

STEP_PREFIX, SIDECAR_PREFIX, UNNAMED_STEP_PREFIX = "step-", "sidecar-", "step-unnamed-"


class TaskRunReason(StrEnum):
    """Why a TaskRun is in the state it is in."""

    STARTED = "Started"
    PENDING_POD = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STEP_FAILED = "StepFailed"
    STEP_OOM = "StepOOM"
    SIDECAR_FAILED = "SidecarFailed"
    SIDECAR_OOM = "SidecarOOM"
    INIT_CONTAINER_FAILED = "InitContainerFailed"
    INIT_CONTAINER_OOM = "InitContainerOOM"
    POD_EVICTED = "PodEvicted"
    TO_BE_RETRIED = "ToBeRetried"
    CANCELLED = "TaskRunCancelled"
    TIMED_OUT = "TaskRunTimeout"
    PENDING = "TaskRunPending"
    RESOLVING_TASK_REF = "ResolvingTaskRef"
    RESOLVING_STEP_ACTION_REF = "ResolvingStepActionRef"
    IMAGE_PULL_FAILED = "TaskRunImagePullFailed"
    PULL_IMAGE_FAILED = "PullImageFailed"
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError"
    POD_CREATION_FAILED = "PodCreationFailed"
    POD_ADMISSION_FAILED = "PodAdmissionFailed"
    EXCEEDED_RESOURCE_QUOTA = "ExceededResourceQuota"
    EXCEEDED_NODE_RESOURCES = "ExceededNodeResources"
    RESULT_TOO_LARGE = "TaskRunResultLargerThanAllowedLimit"
    STOP_SIDECAR_FAILED = "TaskRunStopSidecarFailed"
    RESOLUTION_FAILED = "TaskRunResolutionFailed"
    VALIDATION_FAILED = "TaskRunValidationFailed"
    TASK_VALIDATION_FAILED = "TaskValidationFailed"
    INVALID_PARAM_VALUE = "InvalidParamValue"
    RESOURCE_VERIFICATION_FAILED = "ResourceVerificationFailed"
    FAILURE_IGNORED = "FailureIgnored"
    COULDNT_CREATE_WORKSPACE_PVC = "CouldntCreateWorkspacePVC"
    COULDNT_GET_TASK = "CouldntGetTask"


class PipelineRunReason(StrEnum):
    """Why a PipelineRun is in the state it is in."""

    STARTED = "Started"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    PENDING = "PipelineRunPending"
    TIMED_OUT = "PipelineRunTimeout"
    STOPPING = "PipelineRunStopping"
    TIMED_OUT_RUNNING_FINALLY = "PipelineRunTimeoutRunningFinally"
    CANCELLED_RUNNING_FINALLY = "CancelledRunningFinally"
    STOPPED_RUNNING_FINALLY = "StoppedRunningFinally"
    COULDNT_GET_PIPELINE = "CouldntGetPipeline"
    COULDNT_GET_TASK = "CouldntGetTask"
    COULDNT_GET_PIPELINE_RESULT = "CouldntGetPipelineResult"
    COULDNT_GET_RESOURCE = "CouldntGetResource"
    COULDNT_GET_CONDITION = "CouldntGetCondition"
    CONDITION_CHECK_FAILED = "ConditionCheckFailed"
    INVALID_WORKSPACE_BINDINGS = "InvalidWorkspaceBindings"
    INVALID_TASK_RUN_SPECS = "InvalidTaskRunSpecs"
    INVALID_RESOURCE_BINDINGS = "InvalidPipelineResourceBindings"
    PARAMETER_TYPE_MISMATCH = "ParameterTypeMismatch"
    PARAMETER_MISSING = "ParameterMissing"
    OBJECT_PARAMETER_MISS_KEYS = "ObjectParameterMissKeys"
    PARAM_ARRAY_INDEXING_INVALID = "ParamArrayIndexingInvalid"
    INVALID_PARAM_VALUE = "InvalidParamValue"
    INVALID_MATRIX_PARAMETER_TYPES = "InvalidMatrixParameterTypes"
    INVALID_TASK_RESULT_REFERENCE = "InvalidTaskResultReference"
    INVALID_PIPELINE_RESULT_REFERENCE = "InvalidPipelineResultReference"
    REQUIRED_WORKSPACE_MARKED_OPTIONAL = "RequiredWorkspaceMarkedOptional"
    VALIDATION_FAILED = "PipelineValidationFailed"
    INVALID_GRAPH = "PipelineInvalidGraph"
    COULDNT_CANCEL = "PipelineRunCouldntCancel"
    COULDNT_TIME_OUT = "PipelineRunCouldntTimeOut"
    RESOLVING_PIPELINE_REF = "ResolvingPipelineRef"
    RESOLVING_TASK_REF = "ResolvingTaskRef"
    RESOURCE_VERIFICATION_FAILED = "ResourceVerificationFailed"
    CREATE_RUN_FAILED = "CreateRunFailed"
    CEL_EVALUATION_FAILED = "CELEvaluationFailed"


class CustomRunReason(StrEnum):
    """Why a CustomRun is in the state it is in."""

    STARTED = "Started"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "CustomRunCancelled"
    TIMED_OUT = "CustomRunTimedOut"
    WORKSPACE_NOT_SUPPORTED = "CustomRunWorkspaceNotSupported"


class SkippingReason(StrEnum):
    """Why a pipeline task never ran."""

    NONE = "None"
    WHEN_EXPRESSIONS = "When Expressions evaluated to false"
    PARENT_TASKS = "Parent Tasks were skipped"
    STOPPING = "PipelineRun was stopping"
    GRACEFULLY_CANCELLED = "PipelineRun was gracefully cancelled"
    GRACEFULLY_STOPPED = "PipelineRun was gracefully stopped"
    MISSING_RESULTS = "Results were missing"
    PIPELINE_TIMED_OUT = "PipelineRun timeout has been reached"
    TASKS_TIMED_OUT = "PipelineRun Tasks timeout has been reached"
    FINALLY_TIMED_OUT = "PipelineRun Finally timeout has been reached"
    EMPTY_MATRIX = "Matrix Parameters have an empty array"


class TaskRunSpecStatus(StrEnum):
    """What a user asks of a TaskRun."""

    CANCELLED = "TaskRunCancelled"
    PENDING = "TaskRunPending"


class PipelineRunSpecStatus(StrEnum):
    """What a user asks of a PipelineRun."""

    CANCELLED = "Cancelled"
    CANCELLED_RUN_FINALLY = "CancelledRunFinally"
    STOPPED_RUN_FINALLY = "StoppedRunFinally"
    PENDING = "PipelineRunPending"
    LEGACY_CANCELLED = "PipelineRunCancelled"
    """How 2019 spelt it; read as CANCELLED."""


class NoMatch(StrEnum):
    """What becomes of what no VerificationPolicy is about."""

    IGNORE = "ignore"
    WARN = "warn"
    FAIL = "fail"


RUN_CANCELLED = "RunCancelled"
"""The one ``spec.status`` of CustomRuns."""
CANCELLED_BY_PIPELINE = "{kind} cancelled as the PipelineRun it belongs to has been cancelled."
TIMED_OUT_BY_PIPELINE = "{kind} cancelled as the PipelineRun it belongs to has timed out."
"""``spec.statusMessage`` of children the pipeline ended; kind is TaskRun or CustomRun."""

CONTINUE, STOP_AND_FAIL = "continue", "stopAndFail"
"""Values of ``onError``, of steps and of pipeline tasks."""
