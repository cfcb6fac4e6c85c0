"""What volumes hold, and how it reaches the disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wakeful.apis.core import ConfigMap, Pod
from wakeful.apis.core.pod_types import Container, Volume
from wakeful.node.environment import ContainerConfigError, PodFacts, References
from wakeful.node.volumes import VolumeContent, mounts_for, volume_content, write_volume

NOW = datetime(2026, 1, 1, tzinfo=UTC)

FACTS = PodFacts("198.19.0.7", "127.0.0.1", "node-1", cpu_cores=2, memory_bytes=4 << 30)
POD = Pod.from_wire({"metadata": {"name": "p", "namespace": "default"}})


def content_of(volume: dict[str, object], references: References | None = None) -> VolumeContent:
    return volume_content(
        Volume.from_wire({"name": "v", **volume}),
        POD,
        FACTS,
        references or References(),
        Path("/claims"),
    )


async def no_token(audience: str, seconds: int) -> str:
    return f"token for {audience} {seconds}"


async def test_config_map_becomes_files(tmp_path: Path) -> None:
    references = References({"m": ConfigMap(data={"a": "1", "b": "2"})})
    content = content_of(
        {"configMap": {"name": "m", "items": [{"key": "a", "path": "sub/x", "mode": 0o400}]}},
        references,
    )

    folder = await write_volume(content, tmp_path / "v", no_token, now=NOW, owner=None)

    assert (folder / "sub" / "x").read_text() == "1"
    assert not (folder / "b").exists()


async def test_later_projected_source_wins(tmp_path: Path) -> None:
    references = References(
        {"one": ConfigMap(data={"k": "first"}), "two": ConfigMap(data={"k": "second"})}
    )
    content = content_of(
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "one"}},
                    {"configMap": {"name": "two"}},
                    {"serviceAccountToken": {"path": "token", "audience": "me"}},
                ]
            }
        },
        references,
    )

    folder = await write_volume(content, tmp_path / "v", no_token, now=NOW, owner=None)

    assert (folder / "k").read_text() == "second"
    assert (folder / "token").read_text() == "token for me 3600"


@pytest.mark.parametrize("path", ["../x", "/etc/x", ""])
def test_paths_may_not_leave_the_volume(path: str) -> None:
    references = References({"m": ConfigMap(data={"a": "1"})})

    with pytest.raises(ContainerConfigError, match="must be relative"):
        content_of({"configMap": {"name": "m", "items": [{"key": "a", "path": path}]}}, references)


def test_missing_key_is_refused() -> None:
    references = References({"m": ConfigMap(data={})})

    with pytest.raises(ContainerConfigError, match="non-existent key: a"):
        content_of({"configMap": {"name": "m", "items": [{"key": "a", "path": "x"}]}}, references)


def test_only_empty_dirs_are_writable() -> None:
    container = Container.from_wire(
        {
            "name": "c",
            "volumeMounts": [
                {"name": "scratch", "mountPath": "/scratch"},
                {"name": "config", "mountPath": "/config"},
                {"name": "shm", "mountPath": "/shm"},
            ],
        }
    )
    contents = {
        "scratch": content_of({"emptyDir": {}}),
        "config": VolumeContent(),
        "shm": content_of({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}),
    }
    folders = {name: Path("/pods/p") / name for name in contents}

    mounts, memory = mounts_for(container, folders, contents, {})

    assert [(str(m.target), m.read_only) for m in mounts] == [
        ("/scratch", False),
        ("/config", True),
    ]
    assert [(str(t.target), t.size_bytes) for t in memory] == [("/shm", 1 << 20)]
