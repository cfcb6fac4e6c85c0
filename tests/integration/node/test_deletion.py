"""How Pods leave: in order, in time, and never stuck."""

from __future__ import annotations

import asyncio
from typing import Any

from wakeful.apis.core import Pod
from wakeful.testing.node import a_pod, make_node
from wakeful.testing.runtime import Program


class Traffic:
    """A drain that holds a Pod until it is let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.over = asyncio.Event()

    def expect(self, pod: Pod) -> None:
        del pod

    async def announce(self, pod: Pod) -> None:
        del pod

    async def drained(self, pod: Pod) -> None:
        del pod
        self.asked.set()
        await self.over.wait()


def draining(stage: Any, traffic: Traffic) -> Any:
    folder = stage.node.pods_dir.parent
    return make_node(
        stage.world, stage.runtime, stage.images, folder, clock=stage.clock, traffic=traffic
    )


async def test_traffic_ends_before_the_program(stage: Any) -> None:
    """The drain is asked first; the signal comes when it is through, and then the object goes."""
    traffic = Traffic()
    async with stage.agent(draining(stage, traffic)):
        await stage.world.given(a_pod(terminationGracePeriodSeconds=300))
        created = await stage.until(lambda p: p.is_ready)
        await stage.delete()
        await traffic.asked.wait()
        assert "signal app 15" not in stage.runtime.journal
        assert (await stage.pod()).is_deleting

        traffic.over.set()
        await stage.until_gone()
        await stage.world.eventually(lambda: not stage.node.pod_dir(created.metadata.uid).exists())

    assert "signal app 15" in stage.runtime.journal
    assert "kill app" not in stage.runtime.journal
    assert await stage.runtime.sandboxes() == []
    assert not stage.images.held


async def test_grace_period_is_all_there_is(stage: Any) -> None:
    """Neither a drain nor a program that ignores signals can hold a Pod for longer."""
    stage.runtime.programs["app"] = Program(at_term=None)
    async with stage.agent(draining(stage, Traffic())):
        await stage.world.given(a_pod(terminationGracePeriodSeconds=10))
        await stage.until(lambda p: p.is_ready)
        begun = stage.clock.monotonic()
        await stage.delete()
        await stage.until_gone()
        took = stage.clock.monotonic() - begun

    assert stage.runtime.journal[2] == "signal app 15"
    assert "kill app" in stage.runtime.journal
    assert took >= 10


async def test_shorter_grace_cuts_a_longer_one(stage: Any) -> None:
    traffic = Traffic()
    async with stage.agent(draining(stage, traffic)):
        await stage.world.given(a_pod(terminationGracePeriodSeconds=100_000))
        await stage.until(lambda p: p.is_ready)
        await stage.delete()
        await traffic.asked.wait()
        await stage.delete(grace=1)
        await stage.until_gone()

    assert "signal app 15" in stage.runtime.journal


async def test_force_deletion_kills_at_once(stage: Any) -> None:
    """Grace 0 takes the object away first; the instance follows without ceremony."""
    traffic = Traffic()
    async with stage.agent(draining(stage, traffic)):
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)
        await stage.delete(grace=0)
        await stage.until_gone()
        await stage.world.eventually(lambda: not stage.runtime.running)
        await stage.world.eventually(lambda: not stage.node.pod_dir(pod.metadata.uid).exists())

    assert not traffic.asked.is_set()
    assert "signal app 15" not in stage.runtime.journal


async def test_namesake_starts_while_the_old_one_ends(stage: Any) -> None:
    """A forced Pod and its successor of the same name do not disturb each other."""
    async with stage.agent():
        await stage.world.given(a_pod())
        old = await stage.until(lambda p: p.is_ready)
        await stage.delete(grace=0)
        await stage.world.given(a_pod())
        new = await stage.until(lambda p: p.is_ready)
        await stage.world.eventually(lambda: len(stage.runtime.running) == 1)

    assert new.metadata.uid != old.metadata.uid
    assert stage.runtime.running == [f"{new.metadata.uid}/app/0"]


async def test_deletion_interrupts_every_wait(stage: Any, waits_for: Any) -> None:
    """A Pod that backs off or lacks its image goes as soon as it is asked to."""
    stage.runtime.programs["crashing"] = Program(exits=1)
    stage.images.lack("missing:1")
    async with stage.agent():
        await stage.world.given(a_pod("loop", {"name": "crashing", "image": "c"}))
        await stage.world.given(a_pod("pull", {"name": "app", "image": "missing:1"}))
        await stage.until(lambda p: waits_for(p, "crashing") == "CrashLoopBackOff", "loop")
        await stage.until(lambda p: waits_for(p) == "ImagePullBackOff", "pull")
        stage.clock.run_at(0.1)  # the next try of either is minutes away
        begun = len(stage.clock.waits)
        await stage.world.eventually(
            lambda: sum(seconds >= 2 for seconds in stage.clock.waits[begun:]) >= 2
        )
        for name in ("loop", "pull"):
            await stage.delete(name)
            await stage.until_gone(name)


async def test_finalizer_holds_the_object_but_not_the_instance(stage: Any, container: Any) -> None:
    """Others see how the containers ended."""
    pod = a_pod()
    pod.metadata.finalizers = ["example.com/keep"]
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        await stage.delete()
        held = await stage.until(lambda p: p.metadata.deletion_grace_period_seconds == 0)
        assert container(held).state.terminated is not None
        assert await stage.runtime.sandboxes() == []

        await stage.world.client.patch(Pod, "web", "default", {"metadata": {"finalizers": None}})
        await stage.until_gone()


async def test_deletion_before_the_start_leaves_nothing(stage: Any) -> None:
    """A Pod that is being deleted when the agent first sees it is never started."""
    await stage.world.given(a_pod())
    await stage.delete()
    async with stage.agent():
        await stage.until_gone()

    assert not [e for e in stage.runtime.journal if e.startswith(("create", "start"))]
