"""What runs survives the agent; the next one goes on with it."""

from __future__ import annotations

import asyncio
from typing import Any

from wakeful.apis.core import Pod
from wakeful.testing.node import a_pod
from wakeful.testing.runtime import Program

EXEC = {"exec": {"command": ["check"]}}


async def versions(stage: Any) -> Any:
    """Collects every state of the Pod that anybody could see, from now on."""
    seen: list[Pod] = []

    async def follow() -> None:
        found = await stage.world.client.list(Pod, "default")
        async with stage.world.client.watch(
            Pod, "default", resource_version=found.resource_version
        ) as events:
            async for event in events:
                seen.append(event.object)

    return seen, asyncio.create_task(follow())


async def test_ready_pod_is_adopted_without_a_flap(stage: Any, container: Any) -> None:
    """Same run, same counts, and nobody sees it unready in between."""
    pod = a_pod("web", {"name": "app", "image": "app:1", "readinessProbe": EXEC})
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        stage.runtime.exit("web", "app", 1)
        before = await stage.until(lambda p: p.is_ready and container(p).restart_count == 1)
    assert stage.runtime.running == [f"{before.metadata.uid}/app/1"]

    seen, follower = await versions(stage)
    stage.runtime.journal.clear()
    async with stage.agent():
        await stage.world.eventually(lambda: "exec check" in stage.runtime.journal)
        stage.runtime.exit("web", "app", 2)
        after = await stage.until(lambda p: p.is_ready and container(p).restart_count == 2)
    follower.cancel()

    assert not [e for e in stage.runtime.journal if e.startswith(("create", "remove"))]
    assert container(after).last_state.terminated.exit_code == 2
    first = container(next(p for p in seen if not p.is_ready))
    end = first.state.terminated or first.last_state.terminated
    assert end.exit_code == 2, "unready only when it really ended"


async def test_end_while_nobody_looked_is_noticed(stage: Any, container: Any) -> None:
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy="Never"))
        await stage.until(lambda p: p.is_ready)
    stage.runtime.exit("web", "app", 7)

    async with stage.agent():
        pod = await stage.until(lambda p: p.status.phase == "Failed")
    assert container(pod).state.terminated.exit_code == 7


async def test_init_containers_do_not_run_again(stage: Any) -> None:
    stage.runtime.programs["setup"] = Program(exits=0)
    async with stage.agent():
        await stage.world.given(a_pod(initContainers=[{"name": "setup", "image": "s"}]))
        await stage.until(lambda p: p.is_ready)
    async with stage.agent():
        stage.runtime.exit("web", "app", 1)
        pod = await stage.until(lambda p: p.status.container_statuses[0].restart_count == 1)

    assert stage.runtime.journal.count("start setup/0") == 1
    assert pod.status.condition("Initialized").status == "True"


async def test_pod_of_a_lost_sandbox_starts_over(stage: Any, container: Any) -> None:
    """After a reboot nothing runs: a server comes back, counted as a restart."""
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)
    stage.runtime.lose(pod.metadata.uid)

    async with stage.agent():
        pod = await stage.until(lambda p: p.is_ready and container(p).restart_count == 1)
    assert container(pod).last_state.terminated.reason == "ContainerStatusUnknown"
    assert container(pod).container_id.endswith("/app/1")


async def test_job_of_a_lost_sandbox_is_not_run_twice(stage: Any, container: Any) -> None:
    """What must run at most once fails instead, and its init containers stay alone too."""
    stage.runtime.programs["setup"] = Program(exits=0)
    async with stage.agent():
        await stage.world.given(
            a_pod(restartPolicy="Never", initContainers=[{"name": "setup", "image": "s"}])
        )
        pod = await stage.until(lambda p: p.is_ready)
    stage.runtime.lose(pod.metadata.uid)
    stage.runtime.journal.clear()

    async with stage.agent():
        pod = await stage.until(lambda p: p.status.phase == "Failed")
    assert container(pod).state.terminated.exit_code == 137
    assert not [e for e in stage.runtime.journal if e.startswith("start")]


async def test_orphans_are_removed(stage: Any) -> None:
    """Sandboxes, files and images of Pods that were deleted or ended meanwhile."""
    async with stage.agent():
        await stage.world.given(a_pod("gone"), a_pod("kept"))
        gone = await stage.until(lambda p: p.is_ready, "gone")
        kept = await stage.until(lambda p: p.is_ready, "kept")
    await stage.delete("gone", grace=0)
    assert len(stage.runtime.running) == 2

    async with stage.agent():
        await stage.world.eventually(
            lambda: stage.runtime.running == [f"{kept.metadata.uid}/app/0"]
        )
        await stage.world.eventually(lambda: not stage.node.pod_dir(gone.metadata.uid).exists())
        await stage.world.eventually(
            lambda: list(stage.images.held) == [f"pod/{kept.metadata.uid}/app"]
        )
        assert stage.node.pod_dir(kept.metadata.uid).exists()


async def test_deletion_goes_on_where_the_former_agent_left_it(stage: Any) -> None:
    """A program that is being ended when the agent goes is ended by the next, in order."""
    stage.runtime.programs["app"] = Program(at_term=None)
    async with stage.agent():
        await stage.world.given(a_pod(terminationGracePeriodSeconds=100_000))
        await stage.until(lambda p: p.is_ready)
        await stage.delete()
        await stage.world.eventually(lambda: "signal app 15" in stage.runtime.journal)
    assert stage.runtime.running

    stage.runtime.programs["app"] = Program()
    async with stage.agent():
        await stage.until_gone()
    assert stage.runtime.journal.count("signal app 15") == 2
    assert "kill app" not in stage.runtime.journal


async def test_agent_that_goes_leaves_everything_running(stage: Any) -> None:
    """In whatever state a Pod is; nothing is killed, nothing is written."""
    stage.runtime.programs["crashing"] = Program(exits=1)
    async with stage.agent():
        await stage.world.given(
            a_pod("web", {"name": "app", "image": "a"}, {"name": "crashing", "image": "c"})
        )
        before = await stage.until(
            lambda p: (
                len(p.status.container_statuses) == 2
                and p.status.container_statuses[1].restart_count
            )
        )

    assert stage.runtime.running == [f"{before.metadata.uid}/app/0"]
    assert not [e for e in stage.runtime.journal if e.startswith(("signal", "kill", "remove"))]
