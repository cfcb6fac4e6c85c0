"""Jobs and cron jobs: what is filled in and what is refused."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, forbidden, invalid, required, under
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.batch.cron import parse_schedule, parse_zone
from wakeful.apis.batch.job_types import (
    CONTROLLER_UID,
    JOB_NAME,
    LEGACY_CONTROLLER_UID,
    LEGACY_JOB_NAME,
    CronJob,
    Job,
    JobSpec,
)
from wakeful.apis.core.pod_defaults import set_pod_spec_defaults
from wakeful.apis.core.pod_validation import validate_pod_template
from wakeful.apis.core.rules import (
    selects,
    validate_choice,
    validate_immutable,
    validate_label_selector,
    validate_not_negative,
)


def set_job_spec_defaults(spec: JobSpec) -> None:
    """Fill in what holds for templates of jobs as well."""
    if spec.completions is None and spec.parallelism is None:
        spec.completions = 1
    if spec.parallelism is None:
        spec.parallelism = 1
    if spec.backoff_limit is None:
        spec.backoff_limit = 6
    if spec.completion_mode is None:
        spec.completion_mode = "NonIndexed"
    if spec.suspend is None:
        spec.suspend = False
    set_pod_spec_defaults(spec.template.spec)


def set_job_defaults(new: Job, old: Object | None, context: AdmissionContext) -> None:
    """One pod, six retries; a selector by the job's uid that its pods are labelled for."""
    spec = new.spec
    set_job_spec_defaults(spec)
    if spec.manual_selector is None:
        spec.manual_selector = False if old is None else None
    if spec.pod_replacement_policy is None:
        spec.pod_replacement_policy = "TerminatingOrFailed"
    if isinstance(old, Job):
        spec.selector = spec.selector or old.spec.selector
        if not spec.manual_selector:
            for key, value in old.spec.template.metadata.labels.items():
                spec.template.metadata.labels.setdefault(key, value)
            spec.manual_selector = old.spec.manual_selector
    elif not spec.manual_selector and new.metadata.uid:
        uid, name = new.metadata.uid, new.metadata.name
        labels = spec.template.metadata.labels
        for key, value in (
            (LEGACY_CONTROLLER_UID, uid),
            (CONTROLLER_UID, uid),
            (LEGACY_JOB_NAME, name),
            (JOB_NAME, name),
        ):
            labels.setdefault(key, value)
        if spec.selector is None:
            spec.selector = LabelSelector()
        spec.selector.match_labels.setdefault(CONTROLLER_UID, uid)
    if not new.metadata.labels and old is None:
        new.metadata.labels = dict(spec.template.metadata.labels)


def validate_job_spec(spec: JobSpec, path: str) -> FieldErrors:
    """Check counts and the template."""
    errors: FieldErrors = []
    for name, value in (
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
    ):
        errors += validate_not_negative(value, f"{path}.{name}")
    modes = ("Indexed", "NonIndexed")
    errors += validate_choice(spec.completion_mode or "", modes, f"{path}.completionMode")
    if spec.completion_mode == "Indexed" and spec.completions is None:
        detail = "when completion mode is Indexed"
        errors.append(required(f"{path}.completions", detail))
    errors += validate_pod_template(spec.template, f"{path}.template")
    at, policy = f"{path}.template.spec.restartPolicy", spec.template.spec.restart_policy
    if policy == "Always":
        errors.append(required(at, 'valid values: "OnFailure", "Never"'))
    return errors


def validate_job(new: Job, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Check a job; its selector, template and completions are fixed."""
    if context.subresource == "status":
        return []
    spec = new.spec
    errors = validate_job_spec(spec, "spec")
    if spec.selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += validate_label_selector(spec.selector, "spec.selector")
        if not selects(spec.selector, spec.template.metadata.labels):
            detail = "`selector` does not match template `labels`"
            labels = spec.template.metadata.labels
            errors.append(invalid("spec.template.metadata.labels", labels, detail))
    if isinstance(old, Job):
        errors += validate_immutable(spec.completions, old.spec.completions, "spec.completions")
        errors += validate_immutable(spec.selector, old.spec.selector, "spec.selector")
        if not old.spec.suspend:
            errors += validate_immutable(spec.template, old.spec.template, "spec.template")
        mode = old.spec.completion_mode
        errors += validate_immutable(spec.completion_mode, mode, "spec.completionMode")
    return errors


def set_cron_job_defaults(new: CronJob, old: Object | None, context: AdmissionContext) -> None:
    """Jobs may overlap; the last three that went well and the last that did not are kept."""
    spec = new.spec
    spec.concurrency_policy = spec.concurrency_policy or "Allow"
    if spec.suspend is None:
        spec.suspend = False
    if spec.successful_jobs_history_limit is None:
        spec.successful_jobs_history_limit = 3
    if spec.failed_jobs_history_limit is None:
        spec.failed_jobs_history_limit = 1
    job = spec.job_template.spec
    set_pod_spec_defaults(job.template.spec)


def validate_cron_job(new: CronJob, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Check the schedule and the template of jobs."""
    if context.subresource == "status":
        return []
    spec, errors = new.spec, FieldErrors()
    if old is None and len(new.metadata.name) > 52:
        detail = "must be no more than 52 characters"
        errors.append(invalid("metadata.name", new.metadata.name, detail))
    if not spec.schedule:
        errors.append(required("spec.schedule"))
    elif "TZ" in spec.schedule:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid("spec.schedule", spec.schedule, detail))
    else:
        try:
            parse_schedule(spec.schedule)
        except ValueError as err:
            errors.append(invalid("spec.schedule", spec.schedule, str(err)))
    if spec.time_zone is not None:
        try:
            parse_zone(spec.time_zone)
        except ValueError as err:
            errors.append(invalid("spec.timeZone", spec.time_zone, str(err)))
    policies = ("Allow", "Forbid", "Replace")
    errors += validate_choice(spec.concurrency_policy, policies, "spec.concurrencyPolicy")
    for name, value in (
        ("startingDeadlineSeconds", spec.starting_deadline_seconds),
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ):
        errors += validate_not_negative(value, f"spec.{name}")
    filled = spec.job_template.spec.deep_copy()
    set_job_spec_defaults(filled)
    if filled.selector is not None:
        detail = "`selector` will be auto-generated"
        errors.append(forbidden("spec.jobTemplate.spec.selector", detail))
    return errors + under("spec.jobTemplate", validate_job_spec(filled, "spec"))
