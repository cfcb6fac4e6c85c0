"""Deployments, jobs, cron jobs and autoscalers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.workload_rules import set_deployment_defaults, validate_deployment
from wakeful.apis.batch import CronJob, Job
from wakeful.apis.batch.cron import parse_schedule
from wakeful.apis.batch.job_rules import (
    set_cron_job_defaults,
    set_job_defaults,
    validate_cron_job,
    validate_job,
)
from wakeful.apis.hpa.hpa_conversion import from_v2, to_v2

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CREATE = AdmissionContext("CREATE", NOW)
UPDATE = AdmissionContext("UPDATE", NOW)
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
}


def deployment(**spec: Any) -> Deployment:
    spec.setdefault("selector", {"matchLabels": {"app": "web"}})
    spec.setdefault("template", TEMPLATE)
    made = Deployment.from_wire({"metadata": {"name": "web"}, "spec": spec})
    set_deployment_defaults(made, None, CREATE)
    return made


def faults(new: Deployment, old: Deployment | None = None) -> dict[str, str]:
    found = validate_deployment(new, old, CREATE)
    return {c["field"]: c["message"] for c in to_causes(found)}


def test_deployment_defaults() -> None:
    wire = deployment().to_wire()["spec"]
    del wire["template"], wire["selector"]
    assert wire == {
        "replicas": 1,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert not faults(deployment())
    assert deployment(replicas=0).to_wire()["spec"]["replicas"] == 0


def test_selector_has_to_match_the_template_and_stays() -> None:
    other = {"matchLabels": {"app": "other"}}
    assert faults(deployment(selector=other))["spec.template.metadata.labels"] == (
        'Invalid value: {"app":"web"}: `selector` does not match template `labels`'
    )
    template = {**TEMPLATE, "metadata": {"labels": {"app": "other"}}}
    moved = deployment(selector=other, template=template)
    assert faults(moved, deployment())["spec.selector"].endswith("field is immutable")


def test_selector_is_required() -> None:
    made = deployment()
    made.spec.selector = None
    assert faults(made) == {"spec.selector": "Required value"}


@pytest.mark.parametrize(
    ("strategy", "field", "message"),
    [
        (
            {"type": "Other"},
            "spec.strategy.type",
            'Unsupported value: "Other": supported values: "Recreate", "RollingUpdate"',
        ),
        (
            {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            "spec.strategy.rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            "spec.strategy.rollingUpdate.maxUnavailable",
            "Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
    ],
)
def test_strategy_faults(strategy: dict[str, Any], field: str, message: str) -> None:
    assert faults(deployment(strategy=strategy))[field] == message


def test_pods_of_deployments_restart_always() -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
    assert faults(deployment(template=template))["spec.template.spec.restartPolicy"] == (
        'Unsupported value: "Never": supported values: "Always"'
    )


def job(**spec: Any) -> Job:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    spec.setdefault("template", {"spec": pod})
    made = Job.from_wire({"metadata": {"name": "work", "uid": "u-1"}, "spec": spec})
    set_job_defaults(made, None, CREATE)
    return made


def test_jobs_select_their_pods_by_uid() -> None:
    made = job()
    assert made.spec.selector is not None
    assert made.spec.selector.match_labels == {"batch.kubernetes.io/controller-uid": "u-1"}
    assert made.spec.template.metadata.labels == {
        "batch.kubernetes.io/controller-uid": "u-1",
        "controller-uid": "u-1",
        "batch.kubernetes.io/job-name": "work",
        "job-name": "work",
    }
    assert (made.spec.completions, made.spec.parallelism, made.spec.backoff_limit) == (1, 1, 6)
    assert not validate_job(made, None, CREATE)


def test_a_job_may_be_sent_again_as_it_was_written() -> None:
    old = job()
    again = Job.from_wire(
        {
            "metadata": {"name": "work", "uid": "u-1"},
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "c", "image": "i"}],
                    }
                }
            },
        }
    )
    set_job_defaults(again, old, UPDATE)
    assert not validate_job(again, old, UPDATE)
    assert again.spec == old.spec


def test_jobs_need_a_restart_policy() -> None:
    made = job(template={"spec": {"containers": [{"name": "c", "image": "i"}]}})
    assert {c["field"]: c["message"] for c in to_causes(validate_job(made, None, CREATE))} == {
        "spec.template.spec.restartPolicy": 'Required value: valid values: "OnFailure", "Never"'
    }


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("*/5 * * * *", "2026-01-01T00:03:10", "2026-01-01T00:05:00"),
        ("0 0 * * *", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("@hourly", "2026-01-01T00:59:59", "2026-01-01T01:00:00"),
        ("30 4 1,15 * 5", "2026-01-03T00:00:00", "2026-01-09T04:30:00"),
        ("0 12 * * mon-fri", "2026-01-02T13:00:00", "2026-01-05T12:00:00"),
        ("0 0 29 2 *", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 * * 7", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("@every 90s", "2026-01-01T00:00:00", "2026-01-01T00:01:30"),
        ("0 0 */2 * mon", "2026-01-01T00:00:00", "2026-01-03T00:00:00"),
    ],
)
def test_schedules_name_the_next_time(schedule: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = parse_schedule(schedule).next_after(moment)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_seconds_come_first_where_they_are_allowed() -> None:
    found = parse_schedule("10 0/1 * * * ?", seconds=True).next_after(NOW)
    assert found == NOW.replace(second=10)
    with pytest.raises(ValueError, match="expected exactly 5 fields, found 6"):
        parse_schedule("10 0/1 * * * ?")


def test_what_a_change_of_the_clocks_skips_is_left_out() -> None:
    """At half past two on the last Sunday of March clocks in Berlin show no time."""
    schedule = parse_schedule("30 2 * * *", "Europe/Berlin")
    saturday = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert schedule.next_after(saturday) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_impossible_dates_are_never_due() -> None:
    assert parse_schedule("0 0 31 2 *").next_after(NOW) is None


@pytest.mark.parametrize("schedule", ["", "* * * *", "60 * * * *", "*/0 * * * *", "@often", "a"])
def test_bad_schedules_are_refused(schedule: str) -> None:
    with pytest.raises(ValueError):
        parse_schedule(schedule)


def test_cron_job_names_the_fault_of_its_schedule() -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    wire = {"schedule": "x", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    made = CronJob.from_wire({"metadata": {"name": "tick"}, "spec": wire})
    set_cron_job_defaults(made, None, CREATE)
    found = {c["field"]: c["message"] for c in to_causes(validate_cron_job(made, None, CREATE))}
    assert list(found) == ["spec.schedule"]
    made.spec.schedule = "* * * * *"
    assert not validate_cron_job(made, None, CREATE)


def test_autoscaler_versions_agree_on_cpu() -> None:
    old = {
        "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50},
    }
    new = to_v2(old)
    assert new["spec"]["metrics"] == [
        {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50},
            },
        }
    ]
    assert from_v2(new) == old
