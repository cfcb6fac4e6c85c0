"""What TaskRuns get that do not say otherwise."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import Settings, load_settings
from wakeful.apis.pipeline.customrun_types import CustomRun, Run
from wakeful.apis.pipeline.pod_template_types import merge_pod_templates
from wakeful.apis.pipeline.register import MANAGED_BY_LABEL, RESERVED_ANNOTATION_PREFIX
from wakeful.apis.pipeline.task_defaults import set_task_ref_defaults, set_task_spec_defaults
from wakeful.apis.pipeline.taskrun_types import TaskRun, TaskRunSpec


def set_taskrun_defaults(run: TaskRun, old: Object | None, context: AdmissionContext) -> None:
    """Timeout, account, pod template, kinds and types; a label that says whose it is."""
    del old
    if context.subresource:
        return
    settings = load_settings(context)
    set_taskrun_spec_defaults(run.spec, settings)
    if context.operation == "CREATE":
        strip_reserved_annotations(run)
    run.metadata.labels.setdefault(MANAGED_BY_LABEL, settings.defaults.managed_by)


def set_taskrun_spec_defaults(spec: TaskRunSpec, settings: Settings) -> None:
    """In place."""
    if spec.task_ref is not None:
        set_task_ref_defaults(spec.task_ref, settings)
    if spec.timeout is None:
        spec.timeout = settings.defaults.timeout
    spec.service_account_name = spec.service_account_name or settings.defaults.service_account
    spec.pod_template = merge_pod_templates(spec.pod_template, settings.defaults.pod_template)
    if spec.task_spec is not None:
        set_task_spec_defaults(spec.task_spec, settings)


def strip_reserved_annotations(obj: Object) -> None:
    """Annotations of whoever signs runs are not the user's to set."""
    obj.metadata.annotations = {
        key: value
        for key, value in obj.metadata.annotations.items()
        if not key.startswith(RESERVED_ANNOTATION_PREFIX)
    }


def set_custom_run_defaults(
    run: CustomRun | Run, old: Object | None, context: AdmissionContext
) -> None:
    """The account."""
    del old
    if not context.subresource:
        account = load_settings(context).defaults.service_account
        run.spec.service_account_name = run.spec.service_account_name or account
