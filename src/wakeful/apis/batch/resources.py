"""How the kinds of the batch group are served."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.duration import human_duration
from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.scheme import AGE, Column, Resource
from wakeful.apis.batch import job_rules as rules
from wakeful.apis.batch.job_types import COMPLETE, FAILED, CronJob, Job
from wakeful.apis.core.cells import (
    NONE,
    TEMPLATE_COLUMNS,
    Wire,
    dig,
    joined,
    label_selector,
    since,
    text,
)


def _job_status(obj: Wire, now: datetime) -> str:
    conditions = dig(obj, "status", "conditions", default=[])
    true = {c.get("type") for c in conditions if c.get("status") == "True"}
    for kind in (COMPLETE, FAILED):
        if kind in true:
            return kind
    if dig(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if kind in true:
            return kind
    return "Running"


def _completions(obj: Wire, now: datetime) -> str:
    succeeded = dig(obj, "status", "succeeded", default=0)
    completions = dig(obj, "spec", "completions")
    if completions is not None:
        return f"{succeeded}/{completions}"
    parallelism = dig(obj, "spec", "parallelism", default=0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(obj: Wire, now: datetime) -> str:
    started = dig(obj, "status", "startTime")
    if not started:
        return ""
    ended = dig(obj, "status", "completionTime")
    return human_duration((parse_time(ended) if ended else now) - parse_time(started))


def _last_schedule(obj: Wire, now: datetime) -> str:
    moment = dig(obj, "status", "lastScheduleTime")
    return since(moment, now) if moment else NONE


def _suspend(obj: Wire, now: datetime) -> str:
    return "True" if dig(obj, "spec", "suspend") else "False"


def _active(obj: Wire, now: datetime) -> int:
    return len(dig(obj, "status", "active", default=[]))


def _cron_containers(member: str) -> Column:
    def cell(obj: Wire, now: datetime) -> str:
        template = dig(obj, "spec", "jobTemplate", "spec", "template", "spec", default={})
        return joined(c.get(member, "") for c in template.get("containers", ()))

    return Column("Containers" if member == "name" else "Images", cell, wide=True)


def _cron_selector(obj: Wire, now: datetime) -> str:
    return label_selector(dig(obj, "spec", "jobTemplate", "spec", "selector"))


RESOURCES: tuple[Resource, ...] = (
    Resource(
        Job,
        "jobs",
        categories=("all",),
        has_status=True,
        columns=(
            Column("Status", _job_status),
            Column("Completions", _completions),
            Column("Duration", _duration),
            AGE,
            *TEMPLATE_COLUMNS,
        ),
        set_defaults=rules.set_job_defaults,
        validate=rules.validate_job,
        fields={"status.successful": ".status.succeeded"},
        custom=False,
    ),
    Resource(
        CronJob,
        "cronjobs",
        short_names=("cj",),
        categories=("all",),
        has_status=True,
        columns=(
            Column("Schedule", ".spec.schedule"),
            Column("Timezone", text("spec", "timeZone")),
            Column("Suspend", _suspend),
            Column("Active", _active, type="integer"),
            Column("Last Schedule", _last_schedule),
            AGE,
            _cron_containers("name"),
            _cron_containers("image"),
            Column("Selector", _cron_selector, wide=True),
        ),
        set_defaults=rules.set_cron_job_defaults,
        validate=rules.validate_cron_job,
        custom=False,
    ),
)
