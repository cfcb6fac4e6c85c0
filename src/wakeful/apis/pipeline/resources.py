"""How the kinds of Tekton are served."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import Column, Resource, ServedVersion
from wakeful.apis.pipeline import conversion as convert
from wakeful.apis.pipeline import register
from wakeful.apis.pipeline.customrun_types import CustomRun, Run
from wakeful.apis.pipeline.legacy_types import Condition, PipelineResource
from wakeful.apis.pipeline.legacy_validation import validate_condition, validate_pipeline_resource
from wakeful.apis.pipeline.other_validation import (
    validate_custom_run,
    validate_run,
    validate_step_action,
    validate_verification_policy,
)
from wakeful.apis.pipeline.pipeline_types import Pipeline
from wakeful.apis.pipeline.pipeline_validation import validate_pipeline
from wakeful.apis.pipeline.pipelinerun_defaults import set_pipelinerun_defaults
from wakeful.apis.pipeline.pipelinerun_types import PipelineRun
from wakeful.apis.pipeline.pipelinerun_validation import validate_pipelinerun
from wakeful.apis.pipeline.reading import Extras, Reader, Wire
from wakeful.apis.pipeline.stepaction_types import StepAction
from wakeful.apis.pipeline.task_defaults import (
    set_pipeline_defaults,
    set_step_action_defaults,
    set_task_defaults,
)
from wakeful.apis.pipeline.task_types import ClusterTask, Task
from wakeful.apis.pipeline.task_validation import validate_task
from wakeful.apis.pipeline.taskrun_defaults import set_custom_run_defaults, set_taskrun_defaults
from wakeful.apis.pipeline.taskrun_types import TaskRun
from wakeful.apis.pipeline.taskrun_validation import validate_taskrun
from wakeful.apis.pipeline.verificationpolicy_types import VerificationPolicy
from wakeful.apis.pipeline.versions import V1, V1ALPHA1, V1BETA1

_CATEGORIES = ("tekton", "tekton-pipelines")
RUN_COLUMNS = (
    Column("Succeeded", ".status.conditions[?(@.type=='Succeeded')].status"),
    Column("Reason", ".status.conditions[?(@.type=='Succeeded')].reason"),
    Column("StartTime", ".status.startTime", type="date"),
    Column("CompletionTime", ".status.completionTime", type="date"),
)
_Convert = Callable[[Wire], Wire]


def _then(read: Reader, to_hub: _Convert) -> _Convert:
    def both(data: Wire) -> Wire:
        return to_hub(read(data))

    return both


def _older(
    model: type[Object], to_hub: _Convert, from_hub: Callable[..., Wire]
) -> tuple[ServedVersion, ...]:
    """v1beta1 and v1alpha1 of a kind whose stored version is v1."""

    def version(name: str, extras: Extras, *, is_2019: bool) -> ServedVersion:
        return ServedVersion(
            name,
            to_hub=_then(Reader(model, extras), to_hub),
            from_hub=partial(from_hub, is_2019=is_2019),
        )

    return (
        version("v1beta1", V1BETA1, is_2019=False),
        version("v1alpha1", V1ALPHA1, is_2019=True),
    )


def _resource(model: type[Object], plural: str, **more: Any) -> Resource:
    """What all kinds have in common."""
    return Resource(
        model,
        plural=plural,
        singular=model.gvk.kind.lower(),
        categories=_CATEGORIES,
        **{
            "has_status": True,
            "normalize": Reader(model, V1),
            "schema_holds": "normalize" not in more,
            **more,
        },
        webhook=register.VALIDATION_WEBHOOK,
    )


RESOURCES: tuple[Resource, ...] = (
    _resource(
        Task,
        "tasks",
        served_versions=_older(Task, convert.task_to_hub, convert.task_from_hub),
        set_defaults=set_task_defaults,
        validate=validate_task,
    ),
    _resource(
        TaskRun,
        "taskruns",
        short_names=("tr", "trs"),
        columns=RUN_COLUMNS,
        served_versions=_older(TaskRun, convert.task_run_to_hub, convert.task_run_from_hub),
        set_defaults=set_taskrun_defaults,
        validate=validate_taskrun,
    ),
    _resource(
        Pipeline,
        "pipelines",
        served_versions=_older(Pipeline, convert.pipeline_to_hub, convert.pipeline_from_hub),
        set_defaults=set_pipeline_defaults,
        validate=validate_pipeline,
    ),
    _resource(
        PipelineRun,
        "pipelineruns",
        short_names=("pr", "prs"),
        columns=RUN_COLUMNS,
        served_versions=_older(
            PipelineRun, convert.pipeline_run_to_hub, convert.pipeline_run_from_hub
        ),
        set_defaults=set_pipelinerun_defaults,
        validate=validate_pipelinerun,
    ),
    _resource(
        CustomRun,
        "customruns",
        columns=RUN_COLUMNS,
        set_defaults=set_custom_run_defaults,
        validate=validate_custom_run,
    ),
    _resource(
        Run,
        "runs",
        columns=RUN_COLUMNS,
        set_defaults=set_custom_run_defaults,
        validate=validate_run,
    ),
    _resource(
        ClusterTask,
        "clustertasks",
        namespaced=False,
        normalize=_then(Reader(ClusterTask, V1BETA1), convert.task_to_hub),
        served_versions=(
            ServedVersion(
                "v1alpha1",
                to_hub=_then(Reader(ClusterTask, V1ALPHA1), convert.task_to_hub),
                from_hub=partial(convert.task_from_hub, is_2019=True),
            ),
        ),
        set_defaults=set_task_defaults,
        validate=validate_task,
    ),
    _resource(
        StepAction,
        "stepactions",
        served_versions=(ServedVersion("v1alpha1", to_hub=Reader(StepAction, V1)),),
        set_defaults=set_step_action_defaults,
        validate=validate_step_action,
    ),
    _resource(PipelineResource, "pipelineresources", validate=validate_pipeline_resource),
    _resource(Condition, "conditions", validate=validate_condition),
    _resource(
        VerificationPolicy,
        "verificationpolicies",
        has_status=False,
        validate=validate_verification_policy,
    ),
)
