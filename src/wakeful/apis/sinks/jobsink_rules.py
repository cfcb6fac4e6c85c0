"""Defaults and faults of JobSinks."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, missing_field, missing_one_of
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.batch.job_rules import set_job_spec_defaults, validate_job_spec
from wakeful.apis.core.container_types import EnvVar
from wakeful.apis.sinks import register
from wakeful.apis.sinks.jobsink_types import JobSink


def set_jobsink_defaults(new: JobSink, old: Object | None, context: AdmissionContext) -> None:
    """Containers are told that they run for one event."""
    if new.spec.job is None:
        return
    for container in new.spec.job.spec.template.spec.containers:
        if all(variable.name != register.EXECUTION_MODE for variable in container.env):
            container.env.append(EnvVar(name=register.EXECUTION_MODE, value=register.BATCH))


def validate_jobsink(new: JobSink, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Every fault that would keep the Job from being created.

    Defaults of the Job are only tried: they are filled in when it is created.
    """
    if context.subresource == "status":
        return []
    job = new.spec.job
    if job is None:
        return [missing_one_of("spec.job")]
    if not job.spec.template.spec.containers:
        return [missing_field("spec.job.spec.template.spec.containers")]
    spec = job.spec.model_copy(deep=True)
    set_job_spec_defaults(spec)
    return validate_job_spec(spec, "spec.job.spec")
