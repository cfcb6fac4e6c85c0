"""Whatever happens in whatever order: nothing leaks, nothing is stuck, nothing is lost."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apis.core import Pod
from wakeful.testing.node import a_pod
from wakeful.testing.runtime import Program

NAMES = [f"p{n}" for n in range(8)]


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_of_events_ends_clean(stage: Any, seed: int) -> None:
    """Create, crash, delete, force, recreate and change agents at random, then delete it all."""
    dice = random.Random(seed)
    stage.runtime.programs["stubborn"] = Program(at_term=None)
    stage.runtime.programs["setup"] = Program(exits=0)
    with capture_logs() as logs:
        for _ in range(6):
            async with stage.agent():
                for _ in range(15):
                    with suppress(NotFoundError):  # it went in between
                        await step(stage, dice)
                    for _ in range(dice.choice([0, 0, 1, 5, 40])):
                        await asyncio.sleep(0)
    assert not [e for e in logs if e["event"] == "pod worker failed"]
    async with stage.agent():
        for pod in await stage.world.all(Pod):
            with suppress(NotFoundError):  # the agent is at work
                await stage.world.client.delete(Pod, pod.metadata.name, "default")
        for name in NAMES:
            await stage.until_gone(name)
        await stage.world.eventually(lambda: not stage.runtime.running)
        await stage.world.eventually(lambda: not stage.images.held)
        await stage.world.eventually(lambda: not list(stage.node.pods_dir.glob("*")))

    assert await stage.runtime.sandboxes() == []


async def step(stage: Any, dice: random.Random) -> None:
    name = dice.choice(NAMES)
    pod = await stage.pod(name)
    if pod is None:
        await stage.world.given(made_up(name, dice))
    elif dice.random() < 0.4:
        await stage.delete(name, grace=dice.choice([None, 0, 1, 30]))
    elif dice.random() < 0.7:
        for run in list(stage.runtime.running):
            if run.startswith(pod.metadata.uid) and dice.random() < 0.7:
                stage.runtime._end(run, dice.choice([0, 1]))
    else:
        labels = {"metadata": {"labels": {"n": str(dice.random())}}}
        await stage.world.client.patch(Pod, name, "default", labels)


def made_up(name: str, dice: random.Random) -> Pod:
    containers = [{"name": "app", "image": "app:1"}]
    if dice.random() < 0.3:
        containers.append({"name": "stubborn", "image": "s"})
    spec: dict[str, Any] = {"restartPolicy": dice.choice(["Always", "OnFailure", "Never"])}
    if dice.random() < 0.3:
        spec["initContainers"] = [{"name": "setup", "image": "i"}]
    if dice.random() < 0.2:
        spec["activeDeadlineSeconds"] = 3
    return a_pod(name, *containers, terminationGracePeriodSeconds=dice.choice([1, 30]), **spec)


async def test_many_pods_at_once(stage: Any) -> None:
    """A burst comes up and goes down again."""
    names = [f"burst-{n}" for n in range(100)]
    async with stage.agent():
        for name in names:
            await stage.world.given(a_pod(name))

        async def ready() -> bool:
            return all(p.is_ready for p in await stage.world.all(Pod))

        await stage.world.eventually(ready)
        for name in names:
            await stage.delete(name)
        for name in names:
            await stage.until_gone(name)
    assert await stage.runtime.sandboxes() == []
