"""What PipelineRuns get that do not say otherwise."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import Settings, load_settings
from wakeful.apis.pipeline.pipelinerun_types import PipelineRun, PipelineRunSpec, TimeoutFields
from wakeful.apis.pipeline.pod_template_types import merge_pod_templates
from wakeful.apis.pipeline.task_defaults import set_pipeline_spec_defaults
from wakeful.apis.pipeline.taskrun_defaults import strip_reserved_annotations


def set_pipelinerun_defaults(
    run: PipelineRun, old: Object | None, context: AdmissionContext
) -> None:
    """Timeout, account, pod template; kinds and types of what is embedded."""
    del old
    if context.subresource:
        return
    set_pipelinerun_spec_defaults(run.spec, load_settings(context))
    if context.operation == "CREATE":
        strip_reserved_annotations(run)


def set_pipelinerun_spec_defaults(spec: PipelineRunSpec, settings: Settings) -> None:
    """In place."""
    ref, template = spec.pipeline_ref, spec.task_run_template
    if ref is not None and not ref.name and not ref.resolver:
        ref.resolver = settings.defaults.resolver_type
    if spec.timeouts is None:
        spec.timeouts = TimeoutFields()
    if spec.timeouts.pipeline is None:
        spec.timeouts.pipeline = settings.defaults.timeout
    account = template.service_account_name or settings.defaults.service_account
    template.service_account_name = account
    template.pod_template = merge_pod_templates(
        template.pod_template, settings.defaults.pod_template
    )
    if spec.pipeline_spec is not None:
        set_pipeline_spec_defaults(spec.pipeline_spec, settings)
