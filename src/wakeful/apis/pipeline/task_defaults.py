"""What tasks and pipelines get that do not say otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import Settings, load_settings
from wakeful.apis.pipeline.param_types import ParamSpec, PropertySpec, ResolverRef, ResultSpec
from wakeful.apis.pipeline.pipeline_types import Pipeline, PipelineSpec, PipelineTask
from wakeful.apis.pipeline.scalars import ParamType, type_of
from wakeful.apis.pipeline.stepaction_types import StepAction
from wakeful.apis.pipeline.task_types import ClusterTask, Task, TaskRef, TaskSpec

TASK_KIND = "Task"


def set_task_defaults(
    task: Task | ClusterTask, old: Object | None, context: AdmissionContext
) -> None:
    """Types of parameters and results."""
    del old
    if not context.subresource:
        set_task_spec_defaults(task.spec, load_settings(context))


def set_pipeline_defaults(
    pipeline: Pipeline, old: Object | None, context: AdmissionContext
) -> None:
    """The same for what a pipeline embeds, and kinds of what it refers to."""
    del old
    if not context.subresource:
        set_pipeline_spec_defaults(pipeline.spec, load_settings(context))


def set_step_action_defaults(
    action: StepAction, old: Object | None, context: AdmissionContext
) -> None:
    """Types of parameters and results."""
    del old
    if not context.subresource:
        _set_param_defaults(action.spec.params)
        _set_result_defaults(action.spec.results)


def set_task_spec_defaults(spec: TaskSpec, settings: Settings) -> None:
    """In place."""
    for step in spec.steps:
        if step.ref is not None:
            _set_resolver(step.ref.name, step.ref, settings)
        _set_result_defaults(step.results)
    _set_param_defaults(spec.params)
    _set_result_defaults(spec.results)


def set_pipeline_spec_defaults(spec: PipelineSpec, settings: Settings) -> None:
    """In place."""
    _set_param_defaults(spec.params)
    for task in (*spec.tasks, *spec.finally_):
        _set_pipeline_task_defaults(task, settings)


def _set_pipeline_task_defaults(task: PipelineTask, settings: Settings) -> None:
    if task.task_ref is not None:
        set_task_ref_defaults(task.task_ref, settings)
    if task.task_spec is not None and not task.task_spec.is_custom:
        set_task_spec_defaults(task.task_spec, settings)
    if task.pipeline_ref is not None:
        _set_resolver(task.pipeline_ref.name, task.pipeline_ref, settings)
    # An embedded pipeline gets its defaults with the run that carries it out, as upstream's does:
    # what is signed depends on it.


def set_task_ref_defaults(ref: TaskRef, settings: Settings) -> None:
    """In place: a resolver for what has no name, a kind for what has one."""
    _set_resolver(ref.name, ref, settings)
    if not ref.kind and not ref.resolver:
        ref.kind = TASK_KIND


def _set_resolver(name: str, ref: ResolverRef, settings: Settings) -> None:
    if not name and not ref.resolver:
        ref.resolver = settings.defaults.resolver_type


def _set_param_defaults(specs: Iterable[ParamSpec]) -> None:
    """A parameter's type is the one given, or what its keys or its default say."""
    for spec in specs:
        if not spec.type:
            if spec.properties:
                spec.type = ParamType.OBJECT
            elif spec.default is not None:
                spec.type = type_of(spec.default)
            else:
                spec.type = ParamType.STRING
        _set_property_defaults(spec.properties)


def _set_result_defaults(results: Iterable[ResultSpec]) -> None:
    for result in results:
        if not result.type:
            result.type = ParamType.OBJECT if result.properties else ParamType.STRING
        _set_property_defaults(result.properties)


def _set_property_defaults(properties: dict[str, PropertySpec]) -> None:
    for spec in properties.values():
        spec.type = spec.type or ParamType.STRING
