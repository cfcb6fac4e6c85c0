"""Pods live on a node as the kubelet would have them live."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from wakeful.apis.core import Pod
from wakeful.node.runtime import RuntimeOperationError
from wakeful.testing.node import a_pod
from wakeful.testing.runtime import Program

EXEC = {"exec": {"command": ["check"]}}


def app(**more: Any) -> dict[str, Any]:
    return {"name": "app", "image": "app:1", **more}


async def test_pod_becomes_ready(stage: Any) -> None:
    """A bound Pod runs, has an address and is ready; one write tells all of it."""
    async with stage.agent():
        created = await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)
        version = created.metadata.resource_version
        async with stage.world.client.watch(Pod, "default", resource_version=version) as events:
            first = (await anext(aiter(events))).object

    assert first.metadata.resource_version == pod.metadata.resource_version
    assert pod.status.phase == "Running"
    assert pod.status.pod_ip.startswith("127.77.")
    assert pod.status.start_time is not None
    status = pod.status.container_statuses[0]
    assert status.state is not None
    assert status.state.running is not None
    assert (status.ready, status.started, status.restart_count) == (True, True, 0)
    assert status.container_id == f"sandbox://{pod.metadata.uid}/app/0"
    assert status.image_id == "app:1@sha256:" + "0" * 64


async def test_pod_is_ready_only_when_its_probe_says_so(stage: Any) -> None:
    """Readiness comes from the probe, and goes with it without a restart."""
    stage.runtime.exec_codes["check",] = 1
    async with stage.agent():
        await stage.world.given(a_pod("web", app(readinessProbe={**EXEC, "periodSeconds": 1})))
        pod = await stage.until(lambda p: p.status.phase == "Running")
        assert not pod.is_ready

        stage.runtime.exec_codes["check",] = 0
        await stage.until(lambda p: p.is_ready)
        stage.runtime.exec_codes["check",] = 1
        pod = await stage.until(lambda p: not p.is_ready)

        await stage.until_event("Unhealthy")

    assert pod.status.container_statuses[0].restart_count == 0


async def test_readiness_gate_is_honoured_and_kept(stage: Any) -> None:
    """Conditions of others count and are never overwritten."""
    async with stage.agent():
        await stage.world.given(a_pod(readinessGates=[{"conditionType": "example.com/open"}]))
        pod = await stage.until(
            lambda p: p.status.phase == "Running" and p.status.condition("ContainersReady")
        )
        ready = pod.status.condition("Ready")
        assert ready is not None
        assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")

        conditions = [c.to_wire() for c in pod.status.conditions]
        conditions.append({"type": "example.com/open", "status": "True"})
        await stage.world.client.patch(
            Pod, "web", "default", {"status": {"conditions": conditions}}, subresource="status"
        )
        pod = await stage.until(lambda p: p.is_ready)

    assert pod.status.condition("example.com/open") is not None


async def test_crashing_container_backs_off(stage: Any, container: Any, waits_for: Any) -> None:
    """Restarted at once, then ever later; the last end and the count are told."""
    stage.runtime.programs["app"] = Program(exits=3, output=["boom"])
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(
            lambda p: waits_for(p) == "CrashLoopBackOff" and container(p).restart_count >= 2
        )
        last = container(pod).last_state.terminated
        assert (last.exit_code, last.reason) == (3, "Error")
        assert pod.status.phase == "Running"
        assert "back-off" in container(pod).state.waiting.message

        stage.runtime.programs["app"] = Program()
        pod = await stage.until(lambda p: p.is_ready)

    assert container(pod).last_state.terminated.exit_code == 3
    assert container(pod).restart_count >= 3
    sandbox = await stage.runtime.sandbox(pod.metadata.uid)
    assert len(sandbox.containers) == 1, "former runs are removed"


async def test_init_containers_run_in_order(stage: Any) -> None:
    """Each starts when the one before succeeded; the others start when all have."""
    stage.runtime.programs["one"] = stage.runtime.programs["two"] = Program(exits=0)
    init = [{"name": "one", "image": "i"}, {"name": "two", "image": "i"}]
    async with stage.agent():
        await stage.world.given(a_pod(initContainers=init))
        pod = await stage.until(lambda p: p.is_ready)

    starts = [e for e in stage.runtime.journal if e.startswith("start")]
    assert starts == ["start one/0", "start two/0", "start app/0"]
    assert [s.state.terminated.reason for s in pod.status.init_container_statuses] == [
        "Completed"
    ] * 2
    assert pod.status.condition("Initialized").status == "True"


async def test_failed_init_container_fails_the_pod_that_never_restarts(
    stage: Any, container: Any
) -> None:
    stage.runtime.programs["one"] = Program(exits=2)
    async with stage.agent():
        await stage.world.given(
            a_pod(initContainers=[{"name": "one", "image": "i"}], restartPolicy="Never")
        )
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    assert container(pod, "one").state.terminated.exit_code == 2
    assert container(pod).state.waiting.reason == "PodInitializing"
    assert not stage.runtime.running


async def test_sidecar_starts_first_and_ends_last(stage: Any) -> None:
    """An init container that always restarts goes on beside the others, and does not keep a job."""
    stage.runtime.programs["app"] = Program(exits=0)
    sidecar = {"name": "proxy", "image": "p", "restartPolicy": "Always"}
    async with stage.agent():
        await stage.world.given(a_pod(initContainers=[sidecar], restartPolicy="Never"))
        await stage.until(lambda p: p.status.phase == "Succeeded")

    assert stage.runtime.journal[1:4] == ["start proxy/0", "start app/0", "signal proxy 15"]


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 4, "Failed"), ("OnFailure", 0, "Succeeded")],
)
async def test_pod_that_ends(stage: Any, policy: str, code: int, phase: str) -> None:
    """Its phase says how, its sandbox and its hold on the image are gone, its logs are not."""
    stage.runtime.programs["app"] = Program(exits=code, output=["bye"])
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy=policy))
        pod = await stage.until(lambda p: p.status.phase == phase)
        await stage.world.eventually(lambda: not stage.images.held)

        assert await stage.runtime.sandboxes() == []
        assert stage.node.log_path(pod.metadata.uid, "app", 0).exists()
        await stage.delete()
        await stage.until_gone()
        await stage.world.eventually(lambda: not stage.node.pod_dir(pod.metadata.uid).exists())
    assert pod.status.condition("Ready").reason == "PodCompleted"


async def test_failure_is_retried_when_policy_says_so(stage: Any, container: Any) -> None:
    stage.runtime.programs["app"] = Program(exits=1)
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy="OnFailure"))
        await stage.until(lambda p: p.status.container_statuses and container(p).restart_count)
        stage.runtime.programs["app"] = Program(exits=0)
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")

    assert container(pod).last_state.terminated.exit_code == 1


async def test_missing_image_is_tried_again(stage: Any, waits_for: Any) -> None:
    """The reason is told, then that it backs off; the Pod recovers when the image is there."""
    stage.images.lack("app:1")
    async with stage.agent():
        await stage.world.given(a_pod())
        await stage.until(lambda p: waits_for(p) == "ErrImagePull")
        pod = await stage.until(lambda p: waits_for(p) == "ImagePullBackOff")
        assert "app:1" in pod.status.container_statuses[0].state.waiting.message
        assert pod.status.phase == "Pending"

        stage.images.errors.clear()
        pod = await stage.until(lambda p: p.is_ready)

        await stage.until_event("Failed")

    assert pod.status.container_statuses[0].restart_count == 0


async def test_an_image_on_its_way_is_told_of(stage: Any) -> None:
    """While it comes, not when it has come; nothing is told of one that is here."""
    stage.images.remote.add("app:1")
    async with stage.agent():
        await stage.world.given(a_pod())
        await stage.until_event("Pulling")
        stage.images.arrived.set()
        await stage.until(lambda p: p.is_ready)
        await stage.until_event("Pulled")


async def test_container_waits_for_its_config_map(stage: Any, waits_for: Any) -> None:
    """What is missing is named; its creation is what starts the container, not a poll."""
    ref = {"configMapKeyRef": {"name": "settings", "key": "mode"}}
    async with stage.agent():
        await stage.world.given(a_pod("web", app(env=[{"name": "MODE", "valueFrom": ref}])))
        pod = await stage.until(lambda p: waits_for(p) == "CreateContainerConfigError")
        state = pod.status.container_statuses[0].state
        assert state.waiting.message == 'configmap "settings" not found'

        await stage.config_map("settings", mode="fast")
        await stage.until(lambda p: p.is_ready)

    assert stage.runtime.configs["app"].env["MODE"] == "fast"


async def test_failed_liveness_restarts_the_container(stage: Any, container: Any) -> None:
    probe = {**EXEC, "periodSeconds": 1, "failureThreshold": 2}
    async with stage.agent():
        await stage.world.given(a_pod("web", app(livenessProbe=probe)))
        await stage.until(lambda p: p.is_ready)
        stage.runtime.exec_codes["check",] = 1
        await stage.until(lambda p: container(p).restart_count == 1)
        stage.runtime.exec_codes["check",] = 0
        await stage.until(lambda p: p.is_ready)
        await stage.until_event("Killing", "Unhealthy")


async def test_startup_probe_holds_the_others_back(stage: Any, container: Any) -> None:
    """Until it passes, the container has not started and liveness is not asked."""
    stage.runtime.exec_codes["up",] = 1
    startup = {"exec": {"command": ["up"]}, "periodSeconds": 5, "failureThreshold": 1000}
    async with stage.agent():
        await stage.world.given(a_pod("web", app(startupProbe=startup, livenessProbe=EXEC)))
        pod = await stage.until(lambda p: p.status.phase == "Running")
        assert container(pod).started is False or container(pod).started is None
        await stage.world.eventually(lambda: stage.runtime.journal.count("exec up") > 3)
        assert "exec check" not in stage.runtime.journal

        stage.runtime.exec_codes["up",] = 0
        pod = await stage.until(lambda p: p.is_ready)
        await stage.world.eventually(lambda: "exec check" in stage.runtime.journal)
    assert container(pod).started is True


async def test_startup_probe_that_never_passes_restarts_the_container(
    stage: Any, container: Any
) -> None:
    stage.runtime.exec_codes["check",] = 1
    startup = {**EXEC, "periodSeconds": 1, "failureThreshold": 3}
    async with stage.agent():
        await stage.world.given(a_pod("web", app(startupProbe=startup)))
        await stage.until(lambda p: p.status.container_statuses and container(p).restart_count)


async def test_one_crashing_container_leaves_the_other_alone(stage: Any, container: Any) -> None:
    stage.runtime.programs["app"] = Program(exits=1)
    async with stage.agent():
        await stage.world.given(a_pod("web", app(), {"name": "side", "image": "s"}))
        pod = await stage.until(
            lambda p: p.status.container_statuses and container(p).restart_count >= 2
        )
        side = stage.runtime.newest("web", "side")

    assert side.id in stage.runtime.running
    assert container(pod, "side").restart_count == 0
    assert container(pod, "side").ready


async def test_program_that_cannot_be_executed(stage: Any, container: Any) -> None:
    stage.runtime.programs["app"] = Program(start_error="exec /app: no such file or directory")
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy="Never"))
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    end = container(pod).state.terminated
    assert (end.exit_code, end.reason) == (128, "StartError")
    assert end.message == "exec /app: no such file or directory"


async def test_out_of_memory_is_told(stage: Any, container: Any) -> None:
    stage.runtime.programs["app"] = Program(exits=137, oom_killed=True)
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy="Never"))
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    assert container(pod).state.terminated.reason == "OOMKilled"


@pytest.mark.parametrize(
    ("program", "policy", "message"),
    [
        (Program(exits=1, message="no database"), "File", "no database"),
        (Program(exits=1, output=["trying", "gave up"]), "FallbackToLogsOnError", "gave up"),
        (Program(exits=1, output=["trying"]), "File", ""),
    ],
)
async def test_termination_message(
    stage: Any, container: Any, program: Program, policy: str, message: str
) -> None:
    stage.runtime.programs["app"] = program
    async with stage.agent():
        pod = a_pod("web", app(terminationMessagePolicy=policy), restartPolicy="Never")
        await stage.world.given(pod)
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    assert container(pod).state.terminated.message.endswith(message)
    assert bool(container(pod).state.terminated.message) == bool(message)


async def test_pod_past_its_deadline_fails(stage: Any, container: Any) -> None:
    """Programs are ended properly, and the status says why."""
    async with stage.agent():
        await stage.world.given(a_pod(activeDeadlineSeconds=5))
        pod = await stage.until(lambda p: p.status.phase == "Failed")

    assert pod.status.reason == "DeadlineExceeded"
    assert container(pod).state.terminated is not None
    assert "signal app 15" in stage.runtime.journal


async def test_sandbox_that_cannot_be_made_is_tried_again(stage: Any) -> None:
    stage.runtime.sandbox_error = RuntimeOperationError("no addresses left")
    async with stage.agent():
        await stage.world.given(a_pod())
        await stage.until_event("FailedCreatePodSandBox")
        stage.runtime.sandbox_error = None
        await stage.until(lambda p: p.is_ready)


async def test_failing_worker_is_replaced_and_goes_on(stage: Any, container: Any) -> None:
    """A defect in the middle of a Pod's life costs neither the instance nor the Pod."""
    wait = stage.runtime.wait_container
    failures = [ValueError("a defect"), ValueError("another")]

    async def flaky(container_id: str) -> object:
        if failures:
            raise failures.pop()
        return await wait(container_id)

    stage.runtime.wait_container = flaky
    with capture_logs() as logs:
        async with stage.agent():
            await stage.world.given(a_pod())
            await stage.until(lambda p: p.is_ready and not failures)
            first = stage.runtime.newest("web", "app")
            stage.runtime.exit("web", "app", 1)
            pod = await stage.until(lambda p: p.is_ready and container(p).restart_count == 1)

    assert [e["event"] for e in logs].count("pod worker failed") == 2
    assert first.attempt == 0
    assert container(pod).last_state.terminated.exit_code == 1


async def test_hooks_run_around_the_program(stage: Any) -> None:
    lifecycle = {
        "postStart": {"exec": {"command": ["hello"]}},
        "preStop": {"exec": {"command": ["bye"]}},
    }
    async with stage.agent():
        await stage.world.given(a_pod("web", app(lifecycle=lifecycle)))
        await stage.until(lambda p: p.is_ready)
        await stage.delete()
        await stage.until_gone()

    steps = [e for e in stage.runtime.journal if not e.startswith(("create", "remove"))]
    assert steps == ["start app/0", "exec hello", "exec bye", "signal app 15"]
