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
        await stage.world.eventually(lambda: not old.exists())

    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith("..")) == [
        "mode",
        "more",
    ]
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


class Issuer:
    """Issues tokens in place of the API server, counted."""

    def __init__(self, stage: Any) -> None:
        self.issued = 0
        self._clock, self._call = stage.clock, stage.world.client.transport.call
        stage.world.client.transport.call = self.call

    async def call(self, request: Any) -> Any:
        if request.subresource != "token":
            return await self._call(request)
        token = f"token-{self.issued}"
        self.issued += 1
        ends = self._clock.now() + timedelta(seconds=request.body["spec"]["expirationSeconds"])
        return {"status": {"token": token, "expirationTimestamp": ends.isoformat()}}


def with_access(name: str = "web", *, token_seconds: int = 600) -> Pod:
    """A Pod with the volume that nearly every Pod has."""
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": token_seconds}},
        {"configMap": {"name": "root-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    mount = {"name": "access", "mountPath": "/access"}
    return a_pod(
        name,
        {"name": "app", "image": "app:1", "volumeMounts": [mount]},
        volumes=[{"name": "access", "projected": {"sources": sources}}],
    )


async def test_token_is_renewed_before_it_ends(stage: Any) -> None:
    """The file always holds a token with time left."""
    Issuer(stage)
    await stage.config_map("root-ca", **{"ca.crt": "CA"})
    async with stage.agent():
        await stage.world.given(with_access())
        await stage.until(lambda p: p.is_ready)
        folder = source_of(stage, "/access")
        read = {name: (folder / name).read_text() for name in ("token", "ca.crt", "namespace")}
        assert read == {"token": "token-0", "ca.crt": "CA", "namespace": "default"}
        begun = stage.clock.monotonic()
        await stage.world.eventually(lambda: (folder / "token").read_text() == "token-1")

    assert stage.clock.monotonic() - begun > 400
    assert any(400 < seconds < 600 for seconds in stage.clock.waits), "that is when it is due"


async def test_pods_of_an_account_share_what_is_the_same(stage: Any) -> None:
    """Written once, renewed for whoever is there, deleted when nobody has it any more."""
    issuer = Issuer(stage)
    await stage.config_map("root-ca", **{"ca.crt": "CA"})
    async with stage.agent():
        await stage.world.given(with_access("one", token_seconds=86400))
        await stage.until(lambda p: p.is_ready, "one")
        folder = source_of(stage, "/access")
        written = (folder / "..data").resolve()
        await stage.world.given(with_access("two", token_seconds=86400))
        await stage.until(lambda p: p.is_ready, "two")
        assert source_of(stage, "/access") == folder
        assert (folder / "..data").resolve() == written
        assert issuer.issued == 1
        await stage.delete("one")
        await stage.until_gone("one")

    async with stage.agent():
        await stage.config_map("root-ca", **{"ca.crt": "NEW"})
        await stage.world.eventually(lambda: (folder / "ca.crt").read_text() == "NEW")
        await stage.delete("two")
        await stage.until_gone("two")
    async with stage.agent():
        await stage.world.eventually(lambda: not folder.exists())


async def test_volumes_of_adopted_pods_follow_too(stage: Any) -> None:
    await stage.config_map("settings", mode="slow")
    pod = a_pod(
        "web",
        {"name": "app", "image": "app:1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "configMap": {"name": "settings"}}],
    )
    async with stage.agent():
        await stage.world.given(pod)
        await stage.until(lambda p: p.is_ready)
    await stage.config_map("settings", mode="meanwhile")
    file = source_of(stage, "/v") / "mode"
    assert file.read_text() == "slow"

    async with stage.agent():
        await stage.world.eventually(lambda: file.read_text() == "meanwhile")
        await stage.config_map("settings", mode="now")
        await stage.world.eventually(lambda: file.read_text() == "now")
