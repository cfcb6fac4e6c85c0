"""The runs that a PipelineRun starts, one for each task or row of its matrix. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim
from wakeful.apis.pipeline import CustomRun, PipelineRun, TaskRun, TaskSpec
from wakeful.apis.pipeline.customrun_types import CustomRunSpec, EmbeddedCustomRunSpec
from wakeful.apis.pipeline.pipelinerun_types import (
    PipelineRunSpec,
    PipelineTaskRunSpec,
)
from wakeful.apis.pipeline.register import (
    CONTINUE,
    LAST_APPLIED,
    MANAGED_BY_LABEL,
    MEMBER_OF_LABEL,
    ON_ERROR_ANNOTATION,
    PIPELINE_LABEL,
    PIPELINE_RUN_LABEL,
    PIPELINE_RUN_UID_LABEL,
    PIPELINE_TASK_LABEL,
    RELEASE_ANNOTATION,
)
from wakeful.apis.pipeline.taskrun_types import TaskRunSpec
from wakeful.pipelines.decision import Start
from wakeful.pipelines.state import CUSTOM_RUN, PIPELINE_RUN, TASK_RUN, Child
from wakeful.reconciler.pipeline.release import release
from wakeful.reconciler.pipeline.taskrun.legacy import artifacts_claim

_NOT_INHERITED = frozenset((LAST_APPLIED, RELEASE_ANNOTATION))


def make_run(
    parent: PipelineRun,
    start: Start,
    settings: PipelineTaskRunSpec,
    *,
    managed_by: str,
    task_labels: Mapping[str, str],
) -> Child:
    """The run for ``start``; ``settings`` are the parent's for this task.

    ``task_labels`` name the task, or the pipeline, that it carries out.
    """
    metadata = _metadata(parent, start, settings, managed_by, task_labels)
    if start.kind == CUSTOM_RUN:
        return CustomRun(metadata=metadata, spec=_custom_spec(start, settings))
    if start.kind == PIPELINE_RUN:
        return PipelineRun(metadata=metadata, spec=_pipeline_spec(parent, start))
    return TaskRun(metadata=metadata, spec=_task_spec(start, settings))


def _metadata(
    parent: PipelineRun,
    start: Start,
    settings: PipelineTaskRunSpec,
    managed_by: str,
    task_labels: Mapping[str, str],
) -> ObjectMeta:
    """Labels and annotations: for this task, over the parent's, over those of an embedded task."""
    meta, task = parent.metadata, start.task
    embedded = task.task_spec.metadata if task.task_spec is not None else None
    notes = {k: v for k, v in meta.annotations.items() if k not in _NOT_INHERITED}
    if embedded is not None:
        notes = {**embedded.annotations, **notes}
    if settings.metadata is not None:
        notes.update(settings.metadata.annotations)
    if task.on_error == CONTINUE:
        notes[ON_ERROR_ANNOTATION] = CONTINUE
    if start.kind == TASK_RUN:
        notes[RELEASE_ANNOTATION] = release()
    labels = {**(embedded.labels if embedded is not None else {}), **meta.labels}
    if settings.metadata is not None:
        labels.update(settings.metadata.labels)
    labels |= {
        MANAGED_BY_LABEL: managed_by,
        PIPELINE_LABEL: meta.labels.get(PIPELINE_LABEL, meta.name),
        PIPELINE_RUN_LABEL: meta.name,
        PIPELINE_RUN_UID_LABEL: meta.uid,
        PIPELINE_TASK_LABEL: task.name,
        MEMBER_OF_LABEL: "finally" if start.is_final else "tasks",
        **task_labels,
    }
    return ObjectMeta(
        name=start.name,
        namespace=meta.namespace,
        labels=labels,
        annotations=notes,
        owner_references=[owner_reference(parent)],
    )


def _task_spec(start: Start, settings: PipelineTaskRunSpec) -> TaskRunSpec:
    embedded = start.task_spec
    return TaskRunSpec(
        task_ref=start.task.task_ref if embedded is None else None,
        task_spec=_plain(embedded) if embedded is not None else None,
        params=start.params,
        service_account_name=settings.service_account_name,
        pod_template=settings.pod_template,
        workspaces=start.workspaces,
        timeout=start.timeout,
        retries=start.task.retries,
        step_specs=settings.step_specs,
        sidecar_specs=settings.sidecar_specs,
        compute_resources=settings.compute_resources,
        legacy=start.resources,
    )


def _plain(spec: TaskSpec) -> TaskSpec:
    """An embedded task without what only pipelines know of it."""
    return TaskSpec(**{name: getattr(spec, name) for name in TaskSpec.model_fields})


def _custom_spec(start: Start, settings: PipelineTaskRunSpec) -> CustomRunSpec:
    task = start.task
    embedded = None
    if task.task_spec is not None:
        embedded = EmbeddedCustomRunSpec(
            api_version=task.task_spec.api_version,
            kind=task.task_spec.kind,
            metadata=task.task_spec.metadata,
            spec=task.task_spec.spec,
        )
    return CustomRunSpec(
        custom_ref=task.task_ref if embedded is None else None,
        custom_spec=embedded,
        params=start.params,
        service_account_name=settings.service_account_name,
        timeout=start.timeout,
        retries=task.retries,
        workspaces=start.workspaces,
    )


def _pipeline_spec(parent: PipelineRun, start: Start) -> PipelineRunSpec:
    task = start.task
    return PipelineRunSpec(
        pipeline_ref=task.pipeline_ref,
        pipeline_spec=task.pipeline_spec,
        params=start.params,
        workspaces=start.workspaces,
        task_run_template=parent.spec.task_run_template,
    )


def make_artifacts_claim(run: PipelineRun) -> PersistentVolumeClaim:
    """The claim through which tasks hand PipelineResources on, of the size it had in 2019."""
    return PersistentVolumeClaim.from_wire(
        {
            "metadata": {
                "name": artifacts_claim(run.metadata.name),
                "namespace": run.metadata.namespace,
                "ownerReferences": [owner_reference(run).to_wire()],
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "5Gi"}},
            },
        }
    )
