"""Steps of TaskRuns: in order, as told on their command lines, whatever becomes of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import orjson

from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import ContainerStatus
from wakeful.apis.pipeline import TaskRun
from wakeful.apis.pipeline.config import FeatureFlags
from wakeful.node.runtime import ContainerConfig, SandboxStatus
from wakeful.reconciler.pipeline.taskrun.plan import PodPlan
from wakeful.reconciler.pipeline.taskrun.resources import make_pod
from wakeful.testing.node import NODE
from wakeful.testing.runtime import Program

Container = Callable[..., ContainerStatus]


def a_run(*steps: dict[str, Any], flags: FeatureFlags | None = None, **task: Any) -> Pod:
    """The Pod of a TaskRun called ``web``, bound to the node."""
    run = TaskRun.from_wire(
        {
            "metadata": {"name": "web", "namespace": "default", "uid": "u-1"},
            "spec": {"taskSpec": {"steps": [{"image": "busybox"} | s for s in steps], **task}},
        }
    )
    assert run.spec.task_spec is not None
    pod = make_pod(PodPlan(run, run.spec.task_spec, flags=flags or FeatureFlags()))
    pod.metadata.name, pod.metadata.owner_references = "web", []
    pod.spec.node_name = NODE
    return pod


def host_path(config: ContainerConfig, path: str) -> Any:
    """Where a path of a container lies on the host."""
    mounts = sorted(config.mounts, key=lambda m: len(str(m.target)), reverse=True)
    for mount in mounts:
        if PurePosixPath(path).is_relative_to(mount.target):
            return mount.source / PurePosixPath(path).relative_to(mount.target)
    raise AssertionError(f"{path} is in no volume")


def message(status: ContainerStatus) -> dict[str, str]:
    """What a step told, by key."""
    assert status.state is not None
    assert status.state.terminated is not None
    return {r["key"]: r["value"] for r in orjson.loads(status.state.terminated.message)}


def starts(stage: Any) -> list[str]:
    return [e for e in stage.runtime.journal if e.startswith("start ")]


async def test_steps_run_one_after_the_other(stage: Any, container: Container) -> None:
    """The second starts when the first has ended, and shows as running meanwhile."""
    async with stage.agent():
        await stage.world.given(a_run({"name": "a", "args": ["x"]}, {"name": "b"}))
        pod = await stage.until(lambda p: p.status.phase == "Running")
        assert starts(stage) == ["start step-a/0"]
        assert container(pod, "step-b").state.running is not None
        assert container(pod, "prepare").state.terminated.exit_code == 0

        stage.runtime.exit("web", "step-a")
        await stage.world.eventually(lambda: len(starts(stage)) == 2)
        stage.runtime.exit("web", "step-b")
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")

    assert list(stage.runtime.configs["step-a"].argv) == ["/app", "x"]
    assert list(message(container(pod, "step-b"))) == ["StartedAt"]


async def test_failed_step_skips_the_rest(stage: Any, container: Container) -> None:
    stage.runtime.programs["step-a"] = Program(exits=3)
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, {"name": "b"}, {"name": "c"}))
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    assert starts(stage) == ["start step-a/0"]
    assert container(pod, "step-a").state.terminated.exit_code == 3
    for name in ("step-b", "step-c"):
        end = container(pod, name).state.terminated
        assert (end.exit_code, end.reason) == (1, "Error")
        assert message(container(pod, name))["Reason"] == "Skipped"


async def test_failure_can_be_ignored(stage: Any, container: Container) -> None:
    """The container counts as well; its code is in the message and in a file for later steps."""
    stage.runtime.programs |= {"step-a": Program(exits=12), "step-b": Program(exits=0)}
    async with stage.agent():
        await stage.world.given(a_run({"name": "a", "onError": "continue"}, {"name": "b"}))
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")

    assert message(container(pod, "step-a"))["ExitCode"] == "12"
    config = stage.runtime.configs["step-b"]
    assert host_path(config, "/tekton/run/0/status/exitCode").read_text() == "12"
    links = host_path(config, "/tekton/steps/step-a")
    assert str(links.readlink()) == "/tekton/run/0/status"


async def test_results_reach_later_steps_and_the_message(stage: Any, container: Container) -> None:
    async def write(_: SandboxStatus, config: ContainerConfig) -> None:
        if config.name == "step-a":
            host_path(config, "/tekton/results/sum").write_text("42\n")
            host_path(config, "/tekton/run/0/status/results/list").write_text('["x","$(HOME)"]')

    stage.runtime.on_start = write
    stage.runtime.programs |= {"step-a": Program(exits=0), "step-b": Program(exits=0)}
    async with stage.agent():
        await stage.world.given(
            a_run(
                {"name": "a", "results": [{"name": "list", "type": "array"}]},
                {
                    "name": "b",
                    "command": ["say"],
                    "args": ["$(steps.a.results.list[*])", "<$(steps.a.results.list[1])>"],
                    "env": [{"name": "ONE", "value": "$(steps.a.results.list[0])"}],
                },
                results=[{"name": "sum"}, {"name": "never"}],
            )
        )
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")

    said = message(container(pod, "step-a"))
    assert (said["sum"], said["list"], "never" in said) == ("42\n", '["x","$(HOME)"]', False)
    config = stage.runtime.configs["step-b"]
    assert list(config.argv) == ["say", "x", "$(HOME)", "<$(HOME)>"]
    assert config.env["ONE"] == "x"


async def test_links_out_of_volumes_are_not_followed(
    stage: Any, container: Container, tmp_path: Any
) -> None:
    """The agent reads results with its own rights: a link must not show it more."""
    secret = tmp_path / "secret"
    secret.write_text("of the host")

    async def link(_: SandboxStatus, config: ContainerConfig) -> None:
        host_path(config, "/tekton/results/sum").symlink_to(secret)

    stage.runtime.on_start = link
    stage.runtime.programs["step-a"] = Program(exits=0)
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, results=[{"name": "sum"}]))
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")
    assert "sum" not in message(container(pod, "step-a"))


async def test_results_beyond_the_limit_fail_the_step(stage: Any, container: Container) -> None:
    async def write(_: SandboxStatus, config: ContainerConfig) -> None:
        host_path(config, "/tekton/results/sum").write_text("x" * 5000)

    stage.runtime.on_start = write
    stage.runtime.programs["step-a"] = Program(exits=0)
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, results=[{"name": "sum"}]))
        pod = await stage.until(lambda p: p.status.phase == "Failed")
    assert container(pod, "step-a").state.terminated.exit_code == 1


async def test_time_limit_and_output_in_files(stage: Any, container: Container) -> None:
    stage.runtime.programs |= {
        "step-a": Program(exits=0, output=("one", "two")),
        "step-b": Program(at_term=None),
    }
    async with stage.agent():
        await stage.world.given(
            a_run(
                {"name": "a", "stdoutConfig": {"path": "/workspace/out/text"}},
                {"name": "b", "timeout": "2s"},
                {"name": "c"},
            )
        )
        pod = await stage.until(lambda p: p.status.phase == "Failed")
    text = host_path(stage.runtime.configs["step-b"], "/workspace/out/text").read_text()
    assert text == "one\ntwo\n"
    assert message(container(pod, "step-b"))["Reason"] == "TimeoutExceeded"
    assert message(container(pod, "step-c"))["Reason"] == "Skipped"


async def test_results_are_told_in_the_log_of_a_sidecar(stage: Any, container: Container) -> None:
    """The agent does its work: it shows beside the steps, and tells when they have ended."""
    flags = FeatureFlags(results_from="sidecar-logs")
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, flags=flags, results=[{"name": "r"}]))
        pod = await stage.until(lambda p: p.status.phase == "Running")
        assert container(pod, "sidecar-tekton-log-results").state.running is not None
        config = stage.runtime.configs["step-a"]
        host_path(config, "/tekton/results/r").write_text("value")
        stage.runtime.exit("web", "step-a")
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")

    assert container(pod, "sidecar-tekton-log-results").state.terminated.exit_code == 0
    log = stage.node.log_path(pod.metadata.uid, "sidecar-tekton-log-results", 0).read_text()
    assert log.rstrip().endswith('stdout F {"name":"r","value":"value","type":"task"}')


async def test_when_decides_at_run_time(stage: Any, container: Container) -> None:
    stage.runtime.programs |= {"step-a": Program(exits=0), "step-c": Program(exits=0)}

    async def write(_: SandboxStatus, config: ContainerConfig) -> None:
        if config.name == "step-a":
            host_path(config, "/tekton/run/0/status/results/env").write_text("dev")

    stage.runtime.on_start = write
    wanted = {"input": "$(steps.a.results.env)", "operator": "in"}
    async with stage.agent():
        await stage.world.given(
            a_run(
                {"name": "a", "results": [{"name": "env"}]},
                {"name": "b", "when": [wanted | {"values": ["prod"]}]},
                {"name": "c", "when": [wanted | {"values": ["dev"]}]},
            )
        )
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")
    assert starts(stage) == ["start step-a/0", "start step-c/0"]
    assert message(container(pod, "step-b"))["Reason"] == "Skipped"


# --- sidecars -------------------------------------------------------------------------------------


async def test_steps_wait_for_sidecars_which_end_when_told(
    stage: Any, container: Container
) -> None:
    """Nothing runs before the Pod is marked; another image for a sidecar ends it well."""
    pod = a_run({"name": "a"}, sidecars=[{"name": "db", "image": "busybox", "command": ["db"]}])
    client = stage.world.client
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.status.phase == "Running" and starts(stage))
        assert starts(stage) == ["start sidecar-db/0"]
        ready = {"metadata": {"annotations": {"tekton.dev/ready": "READY"}}}
        await client.patch(Pod, "web", "default", ready)
        await stage.world.eventually(lambda: len(starts(stage)) == 2)
        stage.runtime.exit("web", "step-a")
        now = await stage.until(lambda p: container(p, "step-a").state.terminated is not None)
        assert now.status.phase == "Running"

        now.spec.containers[1].image = "tekton/nop"
        containers = [c.to_wire() for c in now.spec.containers]
        await client.patch(Pod, "web", "default", {"spec": {"containers": containers}})
        done = await stage.until(lambda p: p.status.phase == "Succeeded")
    end = container(done, "sidecar-db").state.terminated
    assert (end.exit_code, end.reason) == (0, "Completed")


# --- other agents take over -----------------------------------------------------------------------


async def test_steps_go_on_under_another_agent(stage: Any, container: Container) -> None:
    """What ran ended while nobody looked; what waited is started by the next agent."""
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, {"name": "b"}, {"name": "c"}))
        await stage.until(lambda p: p.status.phase == "Running" and starts(stage))
    stage.runtime.exit("web", "step-a")
    async with stage.agent():
        await stage.world.eventually(lambda: len(starts(stage)) == 2)
    async with stage.agent():
        stage.runtime.exit("web", "step-b")
        await stage.world.eventually(lambda: len(starts(stage)) == 3)
        stage.runtime.exit("web", "step-c")
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")
    assert starts(stage) == ["start step-a/0", "start step-b/0", "start step-c/0"]
    assert container(pod, "step-a").state.terminated.exit_code == 0


async def test_step_that_was_lost_has_failed(stage: Any, container: Container) -> None:
    """After a reboot nobody knows how far it came: never a success, and no second time."""
    async with stage.agent():
        await stage.world.given(a_run({"name": "a"}, {"name": "b"}, {"name": "c"}))
        await stage.until(lambda p: p.status.phase == "Running" and starts(stage))
        stage.runtime.exit("web", "step-a")
        pod = await stage.until(lambda p: len(starts(stage)) == 2)
    await asyncio.sleep(0)
    stage.runtime.lose(pod.metadata.uid)
    async with stage.agent():
        pod = await stage.until(lambda p: p.status.phase == "Failed")
    assert starts(stage) == ["start step-a/0", "start step-b/0"]
    assert container(pod, "step-a").state.terminated.exit_code == 0
    assert container(pod, "step-b").state.terminated.exit_code == 137
    assert container(pod, "step-c").state.terminated.exit_code == 1
