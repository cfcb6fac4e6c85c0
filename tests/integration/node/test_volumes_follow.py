"""Volumes follow the objects they show; everything else keeps what it started with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from wakeful.apis.core import Pod
from wakeful.testing.node import a_pod


def source_of(stage: Any, target: str) -> Path:
    """The directory or file of the host that a container sees at ``target``."""
    mounts = stage.runtime.configs["app"].mounts
    return next(m.source for m in mounts if str(m.target) == target)


async def test_config_map_volume_is_replaced_as_one(stage: Any) -> None:
    """Mounted directories change all at once; the environment and single files do not change."""
    await stage.config_map("settings", mode="slow", extra="1")
    reference = {"configMapKeyRef": {"name": "settings", "key": "mode"}}
    pod = a_pod(
        "web",
        {
            "name": "app",
            "image": "app:1",
            "env": [{"name": "MODE", "valueFrom": reference}],
            "volumeMounts": [
                {"name": "v", "mountPath": "/etc/app"},
                {"name": "v", "mountPath": "/etc/mode", "subPath": "mode"},
            ],
        },
        volumes=[{"name": "v", "configMap": {"name": "settings"}}],
    )
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        folder, single = source_of(stage, "/etc/app"), source_of(stage, "/etc/mode")
        opened = single.open()
        old = (folder / "..data").resolve()
        assert (folder / "mode").read_text() == "slow"

        await stage.config_map("settings", mode="fast", more="2")
        await stage.world.eventually(lambda: (folder / "mode").read_text() == "fast")

    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith("..")) == [
        "mode",
        "more",
    ]
    assert not old.exists()
    assert opened.read() == "slow", "a single file is mounted by its inode"
    opened.close()
    assert stage.runtime.configs["app"].env["MODE"] == "slow"
    assert stage.runtime.journal.count("start app/0") == 1


async def test_labels_in_a_volume_follow_the_pod(stage: Any) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    pod = a_pod(
        "web",
        {
            "name": "app",
            "image": "app:1",
            "volumeMounts": [{"name": "info", "mountPath": "/info"}],
        },
        volumes=[{"name": "info", "downwardAPI": {"items": items}}],
    )
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        folder = source_of(stage, "/info")
        patch = {"metadata": {"labels": {"tier": "front"}}}
        await stage.world.client.patch(Pod, "web", "default", patch)
        await stage.world.eventually(lambda: 'tier="front"' in (folder / "labels").read_text())


async def test_config_map_that_goes_leaves_its_files(stage: Any) -> None:
    """A running Pod keeps what it had, as on every Kubernetes node."""
    await stage.config_map("settings", mode="slow")
    pod = a_pod(
        "web",
        {"name": "app", "image": "app:1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "configMap": {"name": "settings"}}],
    )
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        found = await stage.config_map("settings", mode="slow")
        await stage.world.client.delete(type(found), "settings", "default")
        await stage.config_map("other", mode="x")
        folder = source_of(stage, "/v")
        assert (folder / "mode").read_text() == "slow"
        await stage.config_map("settings", mode="back")
        await stage.world.eventually(lambda: (folder / "mode").read_text() == "back")


async def test_token_is_renewed_before_it_ends(stage: Any) -> None:
    """The file always holds a token with time left."""
    issued: list[str] = []
    call = stage.world.client.transport.call

    async def with_tokens(request: Any) -> Any:
        if request.subresource != "token":
            return await call(request)
        issued.append(f"token-{len(issued)}")
        seconds = request.body["spec"]["expirationSeconds"]
        ends = (stage.clock.now() + timedelta(seconds=seconds)).isoformat()
        return {"status": {"token": issued[-1], "expirationTimestamp": ends}}

    stage.world.client.transport.call = with_tokens
    sources = [{"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}]
    pod = a_pod(
        "web",
        {"name": "app", "image": "app:1", "volumeMounts": [{"name": "t", "mountPath": "/t"}]},
        volumes=[{"name": "t", "projected": {"sources": sources}}],
    )
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
        token = source_of(stage, "/t") / "token"
        assert token.read_text() == "token-0"
        begun = stage.clock.monotonic()
        await stage.world.eventually(lambda: token.read_text() == "token-1")

    assert 400 < stage.clock.monotonic() - begun < 600
