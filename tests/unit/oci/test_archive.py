"""Archives that other tools write, and our own."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from wakeful.oci.archive import load_archive, save_archive
from wakeful.oci.blobs import digest_of
from wakeful.oci.errors import InvalidImageError
from wakeful.oci.layout import LayoutStore
from wakeful.testing.images import Entry, MadeImage, a_layer, an_image


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


def _tar(path: Path, files: dict[str, bytes], *, links: dict[str, str] | None = None) -> Path:
    entries = [Entry(name, data) for name, data in files.items()]
    entries += [Entry(name, link=target) for name, target in (links or {}).items()]
    path.write_bytes(a_layer(entries))
    return path


def _docker_save(image: MadeImage) -> dict[str, bytes]:
    manifest = [
        {"Config": "c.json", "RepoTags": ["hello:v1", "r.io/x:v2"], "Layers": ["l/layer.tar"]}
    ]
    return {
        "manifest.json": json.dumps(manifest).encode(),
        "c.json": image.config,
        "l/layer.tar": gzip.decompress(image.layers[0]),
    }


@pytest.mark.parametrize("compressed", [False, True])
async def test_docker_archives_load(store: LayoutStore, tmp_path: Path, compressed: bool) -> None:
    """With all their names, compressed or not."""
    path = _tar(
        tmp_path / "a.tar", _docker_save(an_image([Entry("a", b"x")], config={"Cmd": ["c"]}))
    )
    if compressed:
        path.write_bytes(gzip.compress(path.read_bytes()))

    loaded = load_archive(path, store)

    assert [name for name, _ in loaded] == [
        "index.docker.io/library/hello:v1",
        "r.io/x:v2",
    ]
    plan = await store.unpack("hello:v1")
    assert plan.argv() == ("c",)
    assert plan.rootfs is not None
    assert (plan.rootfs / "a").read_bytes() == b"x"
    assert not store.is_pulled("hello:v1")


def test_old_docker_archives_link_shared_layers(store: LayoutStore, tmp_path: Path) -> None:
    """A layer that two images share is a symbolic link in the second."""
    files = _docker_save(an_image(["a"]))
    files["real/layer.tar"] = files.pop("l/layer.tar")
    path = _tar(tmp_path / "a.tar", files, links={"l/layer.tar": "../real/layer.tar"})

    assert len(load_archive(path, store)) == 2


def test_what_is_saved_loads_again(store: LayoutStore, tmp_path: Path) -> None:
    """Same names, same digest, in OCI's form and in docker's."""
    image = an_image(["a"], ["b"])
    image.put_into(store, "hello:v1")
    path = tmp_path / "out.tar"

    save_archive(["hello:v1"], path, store)

    assert load_archive(path, LayoutStore(tmp_path / "other")) == [
        ("index.docker.io/library/hello:v1", image.digest)
    ]
    with tarfile.open(path) as archive:
        file = archive.extractfile("manifest.json")
        assert file is not None
        assert json.load(file)[0]["RepoTags"] == ["hello:v1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "other", "out.tar"]


def test_a_name_may_be_given_when_loading(store: LayoutStore, tmp_path: Path) -> None:
    """Archives of some builders carry none."""
    image = an_image(["a"])
    image.put_into(store, "x")
    save_archive([image.digest], tmp_path / "a.tar", store)

    other = LayoutStore(tmp_path / "other")
    load_archive(tmp_path / "a.tar", other, name="mine:1")

    assert other.resolve("mine:1") == image.digest


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"x": b""}, "neither an OCI archive"),
        ({"manifest.json": b"[]"}, "holds no image"),
        ({"manifest.json": b"{"}, "not JSON"),
        ({"manifest.json": b'["x"]'}, "malformed"),
        ({"index.json": b'{"manifests": [{"digest": "../../etc/passwd"}]}'}, "digest"),
        (
            {
                "index.json": json.dumps(
                    {"manifests": [{"digest": digest_of(b"x"), "size": 1}]}
                ).encode()
            },
            "archive lacks",
        ),
    ],
)
def test_broken_archives_say_what_is_wrong(
    store: LayoutStore, tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    """And leave no name behind."""
    path = _tar(tmp_path / "a.tar", files)

    with pytest.raises(InvalidImageError, match=problem):
        load_archive(path, store)
    assert store.images() == []


def test_layers_are_verified(store: LayoutStore, tmp_path: Path) -> None:
    """A changed byte in an OCI archive is found."""
    image = an_image([Entry("a", b"x" * 100)])
    image.put_into(store, "x")
    save_archive(["x"], tmp_path / "a.tar", store)
    data = (tmp_path / "a.tar").read_bytes()
    layer = image.layers[0]
    (tmp_path / "a.tar").write_bytes(data.replace(layer, layer[:-1] + b"?"))

    with pytest.raises(InvalidImageError, match="content has digest"):
        load_archive(tmp_path / "a.tar", LayoutStore(tmp_path / "other"))


def test_other_files_are_refused(store: LayoutStore, tmp_path: Path) -> None:
    """Not a tar, not there."""
    (tmp_path / "text").write_text("hello" * 1000)
    for name in ("text", "missing"):
        with pytest.raises(InvalidImageError, match="cannot be read"):
            load_archive(tmp_path / name, store)
