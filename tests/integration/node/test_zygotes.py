"""Pods whose program waits before it begins: held back, let go, adopted, renewed, given up."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from wakeful.apis.core import Event, Pod, Secret
from wakeful.apis.core.pod_types import PARKED_ANNOTATION, UNFIT, ZYGOTE_ANNOTATION
from wakeful.node.runtime import ContainerConfig, SandboxStatus
from wakeful.node.zygote import RecipeStore, hook
from wakeful.node.zygote.recipes import RecipeKey
from wakeful.node.zygote.recording import Recipe
from wakeful.testing.node import a_pod
from wakeful.testing.world import World

KEY = RecipeKey("uid-1", "app")
RECIPE = Recipe(b"python\0main.py\0", ("/app",), ("json", "flask"))
SECRET = {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "word"}}}


class Instances:
    """What the hook would do in the containers that are started."""

    def __init__(self, *words: str) -> None:
        self.words = words
        """What it tells at once."""
        self.notes = b""
        self.started: list[ContainerConfig] = []
        self.sock: socket.socket | None = None

    async def __call__(self, sandbox: SandboxStatus, config: ContainerConfig) -> None:
        del sandbox
        self.started.append(config)
        fd = config.passed.get(hook.CHANNEL_FD)
        if fd is None:
            return
        if config.env[hook.VARIABLE].startswith("record"):
            os.write(fd, self.notes)
            return
        self.close()
        self.sock = socket.socket(fileno=os.dup(fd))
        for word in self.words:
            self.sock.send(f"{word}\n".encode())

    def close(self) -> None:
        """The process is gone."""
        if self.sock is not None:
            self.sock.close()

    @property
    def begun(self) -> bool:
        """Whether the newest one has got the word."""
        assert self.sock is not None
        self.sock.setblocking(False)
        try:
            return self.sock.recv(16) == b"go\n"
        except BlockingIOError:
            return False


def a_python_pod(*, parked: bool = True, env: list[dict[str, Any]] | None = None) -> Pod:
    annotations = {"autoscaling.wakeful.dev/at-zero": "zygote"}
    if parked:
        annotations[PARKED_ANNOTATION] = "2026-01-01T00:00:00Z"
    container = {"name": "app", "image": "app:1", "env": env or []}
    pod = a_pod("web", container, annotations=annotations)
    pod.metadata.labels["serving.knative.dev/revisionUID"] = KEY.revision_uid
    return pod


def told(pod: Pod) -> str:
    return pod.metadata.annotations.get(ZYGOTE_ANNOTATION, "")


async def release(world: World) -> None:
    patch = {"metadata": {"annotations": {PARKED_ANNOTATION: None}}}
    await world.client.patch(Pod, "web", "default", patch)


@pytest.fixture
def instances(stage: Any) -> Iterator[Instances]:
    RecipeStore(stage.node.recipes_dir).put(KEY, RECIPE)
    instances = Instances("loaded 9 120 20480")
    stage.runtime.on_start = instances
    yield instances
    instances.close()


async def test_held_back_until_released(stage: Any, instances: Instances) -> None:
    """It runs and is not ready; released, it begins and is watched as any other."""
    async with stage.agent():
        await stage.world.given(a_python_pod())
        pod = await stage.until(told)
        assert told(pod) == "9 modules imported in 120 ms, 20 MiB resident"
        await stage.until_event("ZygoteWaiting")
        (config,) = instances.started
        assert config.data[hook.PLAN_FD] == RECIPE.plan()
        assert config.env["PYTHONPATH"] == "/run/wakeful/zygote"
        pod = await stage.until(lambda p: p.status.container_statuses)
        assert not pod.is_ready
        assert not instances.begun

        await release(stage.world)

        await stage.until(lambda p: p.is_ready)
        assert instances.begun


async def test_adopted_by_another_agent(stage: Any, instances: Instances) -> None:
    """It goes on waiting while nobody looks, and the next agent can let it go."""
    async with stage.agent():
        await stage.world.given(a_python_pod())
        await stage.until(told)
    assert not instances.begun
    async with stage.agent():
        await release(stage.world)
        await stage.until(lambda p: p.is_ready)
        assert instances.begun
    assert len(instances.started) == 1


async def test_released_while_nobody_looked(stage: Any, instances: Instances) -> None:
    async with stage.agent():
        await stage.world.given(a_python_pod())
        await stage.until(told)
    await release(stage.world)
    async with stage.agent():
        await stage.until(lambda p: p.is_ready)
        assert instances.begun


async def test_renewed_when_its_secret_changes(stage: Any, instances: Instances) -> None:
    """What it imported may have read the old one: it is started anew, and waits again."""
    secret = {"metadata": {"name": "words", "namespace": "default"}, "stringData": {"word": "a"}}
    made = await stage.world.given(Secret.from_wire(secret))
    async with stage.agent():
        await stage.world.given(a_python_pod(env=[SECRET]))
        await stage.until(told)

        for count, (word, data) in enumerate([("b", "Yg=="), ("c", "Yw==")], 2):
            fresh = await stage.world.latest(made)
            fresh.data = {"word": data}
            await stage.world.client.update(fresh)

            await stage.world.eventually(lambda count=count: len(instances.started) == count)
            assert instances.started[-1].env["WORD"] == word
            assert instances.started[-1].env[hook.VARIABLE].startswith("park")
        await stage.until_event("ZygoteRenewed")
        events = await stage.world.all(Event)
        assert not [event for event in events if event.reason == "BackOff"], "it is no crash"
        await release(stage.world)
        await stage.until(lambda p: p.is_ready)
        assert instances.begun


async def test_modules_left_out_are_remembered(stage: Any, instances: Instances) -> None:
    instances.words = ("left flask started threads\tflask flask.app", *instances.words)
    async with stage.agent():
        await stage.world.given(a_python_pod())
        await stage.until(told)
        await stage.until_event("ZygoteLeavesOut")
    found = RecipeStore(stage.node.recipes_dir).get(KEY)
    assert found is not None
    assert found.ahead == ("json",)


@pytest.mark.parametrize("words", [(), ("unfit x opened sockets",)])
async def test_what_cannot_wait_begins(
    stage: Any, instances: Instances, words: tuple[str, ...]
) -> None:
    """It says so, or says nothing for half a minute; its program serves all the same."""
    instances.words = words
    async with stage.agent():
        await stage.world.given(a_python_pod())
        pod = await stage.until(lambda p: p.is_ready and told(p))
        assert told(pod).startswith(UNFIT)
        await stage.until_event("ZygoteUnfit")


async def test_a_first_start_is_recorded(stage: Any, instances: Instances) -> None:
    """Nothing is known of it: it begins at once, even if it was to wait."""
    (stage.node.recipes_dir / KEY.file).unlink()
    argv = RECIPE.argv.hex()
    instances.notes = f"7 argv {argv}\n7 path 2f\n7 name json\n7 name flask\n".encode()
    async with stage.agent():
        await stage.world.given(a_python_pod())
        pod = await stage.until(lambda p: p.is_ready and told(p))
        assert told(pod) == "2 modules known"
    found = RecipeStore(stage.node.recipes_dir).get(KEY)
    assert found is not None
    assert found.names == ("json", "flask")


async def test_what_is_no_python_is_told(stage: Any, instances: Instances) -> None:
    (stage.node.recipes_dir / KEY.file).unlink()
    async with stage.agent():
        await stage.world.given(a_python_pod(parked=False))
        pod = await stage.until(lambda p: told(p))
        assert told(pod) == f"{UNFIT}no Python interpreter took part in the start"


async def test_others_have_no_hook(stage: Any, instances: Instances) -> None:
    """A known revision's plain start has nothing to do with it."""
    async with stage.agent():
        await stage.world.given(a_python_pod(parked=False))
        await stage.until(lambda p: p.is_ready)
    (config,) = instances.started
    assert not config.passed
    assert hook.VARIABLE not in config.env
