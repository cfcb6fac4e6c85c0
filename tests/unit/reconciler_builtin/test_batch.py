"""Jobs and cron jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.aio.clock import ManualClock
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import all_resources
from wakeful.apis.batch import CronJob, Job
from wakeful.apis.batch.cron import parse_schedule
from wakeful.apis.core import Pod
from wakeful.reconciler.batch import add_batch_controllers
from wakeful.reconciler.batch.cronjob.schedule import find_due
from wakeful.reconciler.batch.job.plan import plan_job
from wakeful.testing.world import World

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}


def job(**spec: Any) -> Job:
    spec = {"template": TEMPLATE, "parallelism": 1, "completions": 1, "backoffLimit": 6, **spec}
    return Job.from_wire({"metadata": {"name": "work", "namespace": "default"}, "spec": spec})


def ended(phase: str, ago: float = 0, name: str = "p") -> Pod:
    at = (NOW - timedelta(seconds=ago)).isoformat()
    status = {
        "phase": phase,
        "containerStatuses": [
            {"name": "c", "state": {"terminated": {"exitCode": 0, "finishedAt": at}}}
        ],
    }
    return Pod.from_wire({"metadata": {"name": name, "uid": name}, "status": status})


@pytest.mark.parametrize(
    ("spec", "phases", "pending", "create", "reason"),
    [
        ({}, [], 0, 1, ""),
        ({}, [], 1, 0, ""),
        ({}, ["Running"], 0, 0, ""),
        ({}, ["Succeeded"], 0, 0, "CompletionsReached"),
        ({"completions": 5, "parallelism": 2}, ["Succeeded", "Running"], 0, 1, ""),
        ({"completions": 5, "parallelism": 9}, ["Succeeded"], 0, 4, ""),
        ({"completions": None, "parallelism": 3}, ["Running"], 0, 2, ""),
        ({"completions": None, "parallelism": 3}, ["Succeeded", "Running"], 0, 0, ""),
        ({"completions": None, "parallelism": 3}, ["Succeeded"], 0, 0, "CompletionsReached"),
        ({"backoffLimit": 0}, ["Failed"], 0, 0, "BackoffLimitExceeded"),
        ({"suspend": True}, [], 0, 0, ""),
        ({"completionMode": "Indexed"}, [], 0, 0, "NotSupported"),
    ],
)
def test_next_step(
    spec: dict[str, Any], phases: list[str], pending: int, create: int, reason: str
) -> None:
    pods = [ended(phase, name=f"p{n}") for n, phase in enumerate(phases)]
    plan = plan_job(job(**spec), pods, pending, NOW)
    assert plan.create == create
    assert (plan.outcome.reason if plan.outcome else "") == reason


def test_failures_are_retried_ever_later() -> None:
    plan = plan_job(job(), [ended("Failed", ago=4)], 0, NOW)
    assert (plan.create, plan.wait_seconds) == (0, 6)
    assert plan_job(job(), [ended("Failed", ago=10)], 0, NOW).create == 1
    twice = [ended("Failed", ago=40, name="a"), ended("Failed", ago=10, name="b")]
    assert plan_job(job(), twice, 0, NOW).wait_seconds == 10


def test_deadline_ends_a_job() -> None:
    late = job(activeDeadlineSeconds=30)
    late.status.start_time = NOW - timedelta(seconds=31)
    running = Pod.from_wire({"metadata": {"name": "p"}, "status": {"phase": "Running"}})
    plan = plan_job(late, [running], 0, NOW)
    assert plan.outcome is not None
    assert plan.outcome.reason == "DeadlineExceeded"
    assert plan.delete == [running]


async def end_pods(world: World, phase: str) -> None:
    for pod in await world.all(Pod):
        if not pod.is_finished:
            pod.status.phase = phase
            await world.client.update_status(pod)


async def test_job_runs_its_pods_to_completion(world: World) -> None:
    add_batch_controllers(world.manager)
    async with world.running():
        await world.given(job(completions=3, parallelism=2))

        async def complete() -> Job | None:
            assert sum(pod.is_active for pod in await world.all(Pod)) <= 2
            await end_pods(world, "Succeeded")
            found = await world.find(Job, "work")
            return found if found is not None and found.status.is_finished else None

        done = await world.eventually(complete)
    assert len(await world.all(Pod)) == 3
    assert (done.status.succeeded, done.status.failed) == (3, 0)
    assert done.status.completion_time is not None
    assert [c.type for c in done.status.conditions] == ["SuccessCriteriaMet", "Complete"]
    labels = (await world.all(Pod))[0].metadata.labels
    assert labels["batch.kubernetes.io/job-name"] == "work"


async def test_finished_job_goes_when_its_time_has_come(world: World) -> None:
    add_batch_controllers(world.manager)
    async with world.running():
        await world.given(job(ttlSecondsAfterFinished=0))
        await world.eventually(lambda: world.all(Pod))
        await end_pods(world, "Succeeded")

        async def is_gone() -> bool:
            return await world.find(Job, "work") is None

        await world.eventually(is_gone)


async def test_suspended_job_waits(world: World) -> None:
    add_batch_controllers(world.manager)
    async with world.running():
        await world.given(job(suspend=True))

        async def is_suspended() -> bool:
            found = await world.find(Job, "work")
            have = found.status.condition("Suspended") if found is not None else None
            return have is not None and have.status == "True"

        await world.eventually(is_suspended)
        assert await world.all(Pod) == []
        await world.client.patch(Job, "work", "default", {"spec": {"suspend": False}})
        await world.eventually(lambda: world.all(Pod))


@pytest.mark.parametrize(
    ("schedule", "since", "last", "following", "missed"),
    [
        ("*/5 * * * *", timedelta(minutes=3), None, timedelta(minutes=5), 0),
        ("*/5 * * * *", timedelta(minutes=12), timedelta(), timedelta(minutes=5), 2),
        ("* * * * *", timedelta(days=60), timedelta(), timedelta(minutes=1), 99),
        ("0 0 1 1 *", timedelta(days=1), timedelta(hours=-12), timedelta(days=364.5), 0),
    ],
)
def test_only_the_latest_missed_start_counts(
    schedule: str, since: timedelta, last: timedelta | None, following: timedelta, missed: int
) -> None:
    start = NOW - since if last is not None else NOW + timedelta(seconds=1)
    due = find_due(parse_schedule(schedule), start, NOW)
    assert due.last == (NOW + last if last is not None else None)
    assert due.next == NOW + following
    assert due.missed >= missed


def cron_job(**spec: Any) -> CronJob:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}, **spec}
    return CronJob.from_wire({"metadata": {"name": "tick", "namespace": "default"}, "spec": spec})


async def clocked() -> tuple[World, ManualClock]:
    clock = ManualClock(NOW)
    world = World(Scheme(all_resources()), clock=clock)
    add_batch_controllers(world.manager, clock=clock)
    await world.prepare()
    return world, clock


async def touch(world: World) -> None:
    """Have the cron job looked at: time alone does not tell."""
    found = await world.find(CronJob, "tick")
    assert found is not None
    count = int(found.metadata.annotations.get("touched", "0")) + 1
    patch = {"metadata": {"annotations": {"touched": str(count)}}}
    await world.client.patch(CronJob, "tick", "default", patch)


@pytest.mark.parametrize(
    ("policy", "jobs"), [("Allow", ["a", "b"]), ("Forbid", ["a"]), ("Replace", ["b"])]
)
async def test_starts_follow_the_schedule_and_the_policy(policy: str, jobs: list[str]) -> None:
    world, clock = await clocked()
    minute = int(NOW.timestamp()) // 60
    names = {"a": f"tick-{minute + 1}", "b": f"tick-{minute + 2}"}
    async with world.running():
        await world.given(cron_job(concurrencyPolicy=policy))
        await clock.advance(60)
        await touch(world)
        await world.eventually(lambda: world.find(Job, names["a"]))

        async def noted() -> bool:
            found = await world.find(CronJob, "tick")
            return found is not None and len(found.status.active) == 1

        await world.eventually(noted)
        await clock.advance(60)
        await touch(world)

        async def as_wished() -> bool:
            await touch(world)
            return {j.metadata.name for j in await world.all(Job)} == {names[j] for j in jobs}

        await world.eventually(as_wished)
        found = await world.find(CronJob, "tick")
    assert found is not None
    (first, *_) = await world.all(Job)
    assert first.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]


async def test_only_the_last_few_jobs_are_kept() -> None:
    world, clock = await clocked()
    async with world.running():
        await world.given(cron_job(successfulJobsHistoryLimit=1))
        for _ in range(3):
            await clock.advance(60)
            await touch(world)
            await world.eventually(lambda: unfinished(world))
            await end_pods(world, "Succeeded")

            async def finished() -> bool:
                await end_pods(world, "Succeeded")
                return not await unfinished(world)

            await world.eventually(finished)

        async def one_left() -> bool:
            return len(await world.all(Job)) == 1

        await world.eventually(one_left)


async def unfinished(world: World) -> list[Job]:
    return [found for found in await world.all(Job) if not found.status.is_finished]
