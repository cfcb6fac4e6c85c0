"""PipelineRuns on the real API server; somebody else plays the Pods."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from wakeful.apis import make_scheme
from wakeful.apis.core import ConfigMap, Event, Namespace, Pod
from wakeful.apis.core.config_types import ServiceAccount
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim
from wakeful.apis.pipeline import CustomRun, Pipeline, PipelineRun, Task, TaskRun
from wakeful.apis.resolution.request_types import ResolutionRequest
from wakeful.reconciler.pipeline.controllers import add_pipeline_controllers
from wakeful.testing.world import World

STEPS = [{"name": "s", "image": "i", "script": "true"}]


@pytest.fixture
async def world() -> World:
    world = World(make_scheme())
    add_pipeline_controllers(world.manager)
    await world.prepare()
    account = {"metadata": {"name": "default", "namespace": "default"}}
    if await world.find(ServiceAccount, "default") is None:
        await world.given(ServiceAccount.from_wire(account))
    return world


def a_pipeline_run(name: str, /, **spec: Any) -> PipelineRun:
    return PipelineRun.from_wire({"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def task_run(world: World, name: str) -> TaskRun:
    async def look() -> TaskRun | None:
        found = await world.find(TaskRun, name)
        return found if found is not None and found.status.pod_name else None

    found = await world.eventually(look)
    assert found is not None
    return found


async def finish(world: World, name: str, *, code: int = 0, **results: str) -> None:
    """Have the Pod of a TaskRun end."""
    run = await task_run(world, name)
    pod = await world.find(Pod, run.status.pod_name)
    assert pod is not None
    told = [{"key": k, "value": v, "type": 1} for k, v in results.items()]
    status = pod.status.from_wire(
        {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [
                {
                    "name": container.name,
                    "state": {
                        "terminated": {
                            "exitCode": code,
                            "reason": "Error" if code else "Completed",
                            "message": str(told).replace("'", '"') if told else "",
                        }
                    },
                }
                for container in pod.spec.containers
            ],
        }
    )
    body = {"status": status.to_wire()}
    await world.client.patch(Pod, pod.metadata.name, "default", body, subresource="status")


async def ended(world: World, name: str) -> PipelineRun:
    async def look() -> PipelineRun | None:
        run = await world.find(PipelineRun, name)
        return run if run is not None and run.is_done else None

    found = await world.eventually(look)
    assert found is not None
    return found


async def test_results_workspaces_and_labels(world: World) -> None:
    """A task starts when its results are there; a claim is made once; children tell of parents."""
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    first = {
        "name": "first",
        "taskSpec": {"steps": STEPS, "results": [{"name": "r"}], "workspaces": [{"name": "w"}]},
        "workspaces": [{"name": "w"}],
    }
    second = {
        "name": "second",
        "params": [{"name": "p", "value": "<$(tasks.first.results.r)>"}],
        "taskRef": {"name": "shown"},
    }
    task = {"metadata": {"name": "shown", "namespace": "default", "labels": {"of": "task"}}}
    spec = {"params": [{"name": "p"}], "steps": STEPS}
    async with world.running():
        await world.given(Task.from_wire(task | {"spec": spec}))
        run = a_pipeline_run(
            "run",
            pipelineSpec={"tasks": [first, second], "workspaces": [{"name": "w"}]},
            workspaces=[{"name": "w", "volumeClaimTemplate": template}],
        )
        run.metadata.labels = {"own": "label"}
        await world.given(run)
        await task_run(world, "run-first")
        assert await world.find(TaskRun, "run-second") is None
        await finish(world, "run-first", r="x")
        child = await task_run(world, "run-second")
        await finish(world, "run-second")
        done = await ended(world, "run")

    assert done.status.is_successful
    assert [c.name for c in done.status.child_references] == ["run-first", "run-second"]
    assert child.spec.params[0].value == "<x>"
    labels = child.metadata.labels
    assert labels["tekton.dev/pipelineRun"] == labels["tekton.dev/pipeline"] == "run"
    assert labels["tekton.dev/pipelineTask"] == "second"
    assert labels["tekton.dev/task"] == "shown"
    assert (labels["own"], labels["of"]) == ("label", "task")
    build = child.metadata.annotations["pipeline.tekton.dev/release"]
    assert re.fullmatch(r"[0-9a-f]{7}", build)
    claims = await world.all(PersistentVolumeClaim)
    assert len(claims) == 1
    assert claims[0].metadata.owner_references[0].name == "run"
    reasons = {e.reason for e in await world.all(Event) if e.involved_object.name == "run"}
    assert reasons <= {"Started", "Running", "Succeeded"}


async def test_failure_stops_and_cancels_nothing_else(world: World) -> None:
    tasks = [
        {"name": "bad", "taskSpec": {"steps": STEPS}},
        {"name": "slow", "taskSpec": {"steps": STEPS}},
        {"name": "after", "taskSpec": {"steps": STEPS}, "runAfter": ["slow"]},
    ]
    final = [{"name": "clean", "taskSpec": {"steps": STEPS}}]
    async with world.running():
        await world.given(a_pipeline_run("run", pipelineSpec={"tasks": tasks, "finally": final}))
        await finish(world, "run-bad", code=1)
        await task_run(world, "run-slow")
        assert await world.find(TaskRun, "run-clean") is None, "slow has not ended"
        await finish(world, "run-slow")
        await finish(world, "run-clean")
        done = await ended(world, "run")
    assert done.status.reason == "Failed"
    assert {s.name: s.reason for s in done.status.skipped_tasks} == {
        "after": "PipelineRun was stopping"
    }


async def test_cancelling_reaches_every_kind_of_run(world: World) -> None:
    tasks = [
        {"name": "own", "taskSpec": {"steps": STEPS}},
        {"name": "custom", "taskRef": {"apiVersion": "example.dev/v1", "kind": "Thing"}},
    ]
    async with world.running():
        await world.given(a_pipeline_run("run", pipelineSpec={"tasks": tasks}))
        await task_run(world, "run-own")
        await world.eventually(lambda: world.find(CustomRun, "run-custom"))
        patch = {"spec": {"status": "Cancelled"}}
        await world.client.patch(PipelineRun, "run", "default", patch)
        done = await ended(world, "run")

        async def cancelled() -> bool:
            run = await world.find(TaskRun, "run-own")
            return run is not None and run.status.reason == "TaskRunCancelled"

        await world.eventually(cancelled)
    assert done.status.reason == "Cancelled"
    custom = await world.find(CustomRun, "run-custom")
    assert custom is not None
    assert custom.is_cancelled
    assert await world.all(Pod) == [] or all(p.is_deleting for p in await world.all(Pod))


async def test_tasks_from_resolvers(world: World) -> None:
    """The run waits for the answer, in whatever version it is written."""
    ref = {"resolver": "git", "params": [{"name": "url", "value": "$(params.repo)"}]}
    yaml = b"""
apiVersion: tekton.dev/v1beta1
kind: Task
metadata:
  name: fetched
spec:
  steps:
    - name: s
      image: i
      resources:
        limits: {cpu: "1"}
"""
    async with world.running():
        await world.given(
            a_pipeline_run(
                "run",
                params=[{"name": "repo", "value": "https://host/repo"}],
                pipelineSpec={
                    "params": [{"name": "repo"}],
                    "tasks": [{"name": "remote", "taskRef": ref}],
                },
            )
        )

        async def asked() -> ResolutionRequest | None:
            found = await world.all(ResolutionRequest)
            return found[0] if found else None

        request = await world.eventually(asked)
        assert request is not None
        assert request.metadata.labels["resolution.tekton.dev/type"] == "git"
        assert request.spec.params[0].value == "https://host/repo"
        await _answer(world, yaml)
        await _answer_all(world, yaml, "run-remote")
        run = await task_run(world, "run-remote")
        await finish(world, "run-remote")
        done = await ended(world, "run")
    assert done.status.is_successful
    assert run.status.task_spec is not None
    assert run.status.task_spec.steps[0].compute_resources.limits == {"cpu": "1"}


async def _answer(world: World, data: bytes) -> None:
    for request in await world.all(ResolutionRequest):
        if request.status.is_done:
            continue
        status = type(request.status).from_wire(
            {
                "data": base64.b64encode(data).decode(),
                "conditions": [{"type": "Succeeded", "status": "True"}],
            }
        )
        await world.client.update_status(request.model_copy(update={"status": status}))


async def _answer_all(world: World, data: bytes, name: str) -> None:
    """The TaskRun asks on its own account; answer that as well."""

    async def look() -> bool:
        await _answer(world, data)
        run = await world.find(TaskRun, name)
        return run is not None and bool(run.status.pod_name)

    await world.eventually(look)


async def test_pipelines_in_pipelines(world: World) -> None:
    """A child tells which pipeline it carries out; a missing one fails, and a circle."""
    alpha = {"data": {"enable-api-fields": "alpha"}}
    flags = {"metadata": {"name": "feature-flags", "namespace": "tekton-pipelines"}} | alpha
    inner = {"tasks": [{"name": "t", "taskSpec": {"steps": STEPS}}]}
    around = {"tasks": [{"name": "self", "pipelineRef": {"name": "around"}}]}

    def calling(name: str, pipeline: str) -> PipelineRun:
        task = {"name": "child", "pipelineRef": {"name": pipeline}}
        return a_pipeline_run(name, pipelineSpec={"tasks": [task]})

    async with world.running():
        await world.given(Namespace.from_wire({"metadata": {"name": "tekton-pipelines"}}))
        await world.given(ConfigMap.from_wire(flags))
        for name, spec in (("inner", inner), ("around", around)):
            meta = {"name": name, "namespace": "default"}
            await world.given(Pipeline.from_wire({"metadata": meta, "spec": spec}))
        await world.given(calling("good", "inner"))
        await finish(world, "good-child-t")
        assert (await ended(world, "good")).status.is_successful
        child = await ended(world, "good-child")
        await world.given(calling("lost", "nowhere"))
        lost = await ended(world, "lost")
        await world.given(a_pipeline_run("round", pipelineRef={"name": "around"}))
        circle = await ended(world, "round")

    assert child.metadata.labels["tekton.dev/pipeline"] == "inner"
    assert lost.status.reason == "CouldntGetPipeline"
    assert 'pipelines.tekton.dev "nowhere" not found' in lost.status.message
    assert circle.status.reason == "CreateRunFailed"
    assert "detected cycle in pipeline-in-pipeline" in circle.status.message


async def test_claims_go_with_their_run_when_it_asks_for_that(world: World) -> None:
    resources = {"requests": {"storage": "1Mi"}}
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": resources}}
    task = {"name": "t", "taskSpec": {"steps": STEPS}, "workspaces": [{"name": "w"}]}
    run = a_pipeline_run(
        "run",
        pipelineSpec={"tasks": [task], "workspaces": [{"name": "w"}]},
        workspaces=[{"name": "w", "volumeClaimTemplate": template}],
    )
    run.metadata.annotations = {"tekton.dev/auto-cleanup-pvc": "true"}
    async with world.running():
        await world.given(run)
        await task_run(world, "run-t")
        [claim] = (await world.client.list(PersistentVolumeClaim, "default")).items
        await finish(world, "run-t")
        await ended(world, "run")

        async def is_going() -> bool:
            found = await world.find(PersistentVolumeClaim, claim.metadata.name)
            return found is None or found.is_deleting

        await world.eventually(is_going)


async def test_mistakes_end_the_run_with_a_reason(world: World) -> None:
    async with world.running():
        await world.given(
            a_pipeline_run("gone", pipelineRef={"name": "nowhere"}),
            a_pipeline_run(
                "no-task", pipelineSpec={"tasks": [{"name": "t", "taskRef": {"name": "nowhere"}}]}
            ),
            a_pipeline_run(
                "no-param",
                pipelineSpec={
                    "params": [{"name": "p"}],
                    "tasks": [{"name": "t", "taskSpec": {"steps": STEPS}}],
                },
            ),
            TaskRun.from_wire(
                {
                    "metadata": {"name": "no-account", "namespace": "default"},
                    "spec": {"taskSpec": {"steps": STEPS}, "serviceAccountName": "nobody"},
                }
            ),
        )
        reasons = {
            n: (await ended(world, n)).status.reason for n in ("gone", "no-task", "no-param")
        }

        async def failed() -> TaskRun | None:
            run = await world.find(TaskRun, "no-account")
            return run if run is not None and run.is_done else None

        lonely = await world.eventually(failed)
    assert reasons == {
        "gone": "CouldntGetPipeline",
        "no-task": "CouldntGetTask",
        "no-param": "ParameterMissing",
    }
    assert lonely is not None
    assert lonely.status.reason == "PodCreationFailed"
    assert 'serviceaccounts "nobody" not found' in lonely.status.message
