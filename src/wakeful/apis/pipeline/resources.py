"""How the kinds of Tekton are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import Column, Resource
from wakeful.apis.pipeline import register
from wakeful.apis.pipeline.customrun_types import CustomRun, Run
from wakeful.apis.pipeline.legacy_types import Condition, PipelineResource
from wakeful.apis.pipeline.pipeline_types import Pipeline
from wakeful.apis.pipeline.pipelinerun_types import PipelineRun
from wakeful.apis.pipeline.stepaction_types import StepAction
from wakeful.apis.pipeline.task_types import ClusterTask, Task
from wakeful.apis.pipeline.taskrun_types import TaskRun
from wakeful.apis.pipeline.verificationpolicy_types import VerificationPolicy

_CATEGORIES = ("tekton", "tekton-pipelines")
RUN_COLUMNS = (
    Column("Succeeded", '.status.conditions[?(@.type=="Succeeded")].status'),
    Column("Reason", '.status.conditions[?(@.type=="Succeeded")].reason'),
    Column("StartTime", ".status.startTime", type="date"),
    Column("CompletionTime", ".status.completionTime", type="date"),
)


RESOURCES: tuple[Resource, ...] = (
    Resource(
        Task,
        plural="tasks",
        singular="task",
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        TaskRun,
        plural="taskruns",
        singular="taskrun",
        short_names=("tr", "trs"),
        categories=_CATEGORIES,
        has_status=True,
        columns=RUN_COLUMNS,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        Pipeline,
        plural="pipelines",
        singular="pipeline",
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        PipelineRun,
        plural="pipelineruns",
        singular="pipelinerun",
        short_names=("pr", "prs"),
        categories=_CATEGORIES,
        has_status=True,
        columns=RUN_COLUMNS,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        CustomRun,
        plural="customruns",
        singular="customrun",
        categories=_CATEGORIES,
        has_status=True,
        columns=RUN_COLUMNS,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        Run,
        plural="runs",
        singular="run",
        categories=_CATEGORIES,
        has_status=True,
        columns=RUN_COLUMNS,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        ClusterTask,
        plural="clustertasks",
        singular="clustertask",
        categories=_CATEGORIES,
        namespaced=False,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        StepAction,
        plural="stepactions",
        singular="stepaction",
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        PipelineResource,
        plural="pipelineresources",
        singular="pipelineresource",
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        Condition,
        plural="conditions",
        singular="condition",
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.VALIDATION_WEBHOOK,
    ),
    Resource(
        VerificationPolicy,
        plural="verificationpolicies",
        singular="verificationpolicy",
        categories=_CATEGORIES,
        webhook=register.VALIDATION_WEBHOOK,
    ),
)
