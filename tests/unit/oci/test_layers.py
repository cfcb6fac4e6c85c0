"""Layers on top of each other, and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from wakeful.oci.blobs import digest_of
from wakeful.oci.errors import InvalidImageError
from wakeful.oci.layers import apply_layer, resolve_in_root
from wakeful.testing.images import Entry, a_layer

Layer = Sequence[Entry | str]


def _apply(root: Path, *layers: Layer) -> None:
    for layer in layers:
        apply_layer(io.BytesIO(a_layer(layer)), root, subject="test", chown=False)


def _tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


def test_higher_layers_win(root: Path) -> None:
    """A path holds what the last layer put there, whatever kind it was before."""
    _apply(
        root,
        ["a/", Entry("a/x", b"1"), "b/", "b/deep", Entry("c", b"file")],
        [Entry("a/x", b"2"), Entry("b", b"now a file"), "c/", "c/inside"],
    )

    assert (root / "a/x").read_bytes() == b"2"
    assert (root / "b").read_bytes() == b"now a file"
    assert (root / "c/inside").exists()


def test_whiteouts_hide_lower_layers_only(root: Path) -> None:
    """``.wh.`` removes one name, an opaque directory all that was below it."""
    _apply(
        root,
        ["a/", "a/gone", "a/kept", "o/", "o/old", "o/sub/", "o/sub/old", "d/", "d/x"],
        ["a/", "a/.wh.gone", "o/", "o/new", "o/sub/", "o/sub/new", "o/.wh..wh..opq", ".wh.d"],
    )

    assert _tree(root) == {"a", "a/kept", "o", "o/new", "o/sub", "o/sub/new", "o/sub/old"}


def test_links_are_followed_inside_the_root(root: Path) -> None:
    """A layer may write through a directory that a lower one made a link."""
    _apply(
        root,
        ["usr/", "usr/lib/", Entry("lib", link="usr/lib"), Entry("abs", link="/usr/lib")],
        [Entry("lib/a", b"a"), Entry("abs/b", b"b"), Entry("h", hard="lib/a")],
    )

    assert (root / "usr/lib/a").read_bytes() == b"a"
    assert (root / "usr/lib/b").read_bytes() == b"b"
    assert (root / "lib").is_symlink()
    assert (root / "h").samefile(root / "usr/lib/a")


@pytest.mark.parametrize(
    "layer",
    [
        ["../evil"],
        ["a/../../evil"],
        [Entry("out", hard="../secret")],
        [Entry("out", hard="/../secret")],
        [Entry("loop", link="loop"), "loop/x"],
        [".wh..."],
        [".wh..", "x"],
    ],
)
def test_paths_that_leave_the_root_are_refused(root: Path, layer: Layer) -> None:
    """The archive is broken or hostile; nothing of it may be believed."""
    (root.parent / "secret").write_text("secret")

    with pytest.raises(InvalidImageError):
        _apply(root, layer)
    assert sorted(p.name for p in root.parent.iterdir()) == ["root", "secret"]


@pytest.mark.parametrize("target", ["..", "/", "../../..", "/etc", "{outside}"])
def test_links_cannot_carry_writes_outside(root: Path, target: str) -> None:
    """A link out of the root is kept as text, and read as if the root were ``/``."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched")

    _apply(
        root,
        [
            Entry("l", link=target.format(outside=outside)),
            Entry("l/victim", b"evil"),
            Entry("l/.wh.victim2"),
            Entry("again", link=target.format(outside=outside)),
        ],
        [Entry("l/sub/"), Entry("l/sub/x"), Entry("again", b"replaced, not followed")],
    )

    assert [p.name for p in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_text() == "untouched"
    assert not (root / "again").is_symlink()


def test_hard_link_to_a_link_does_not_follow_it(root: Path) -> None:
    """Else a link to ``/etc/shadow`` would bring the host's file in."""
    secret = root.parent / "secret"
    secret.write_text("secret")

    _apply(root, [Entry("s", link=str(secret)), Entry("h", hard="s")])

    assert (root / "h").is_symlink()


def test_dangerous_kinds_and_bits_are_dropped(root: Path) -> None:
    """No devices, no pipes, no set-user bits."""
    _apply(
        root,
        [
            Entry("dev", kind=tarfile.CHRTYPE),
            Entry("pipe", kind=tarfile.FIFOTYPE),
            Entry("su", b"x", mode=0o6755),
            Entry("tmp/", mode=0o1777),
        ],
    )

    assert _tree(root) == {"su", "tmp"}
    assert (root / "su").stat().st_mode & 0o7777 == 0o755
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_every_compression_is_read(root: Path, compress: type[bytes]) -> None:
    """The bytes say how they are compressed; media types are often wrong."""
    tar = a_layer([Entry("a", b"data" * 1000)])
    blob = compress(tar)

    apply_layer(io.BytesIO(blob), root, subject="test", diff_id=digest_of(tar), chown=False)

    assert (root / "a").read_bytes() == b"data" * 1000


def test_content_that_is_not_the_diff_id_is_refused(root: Path) -> None:
    """A configuration that names other content than its layers hold."""
    with pytest.raises(InvalidImageError, match="uncompressed content"):
        apply_layer(
            io.BytesIO(a_layer(["a"])), root, subject="test", diff_id=digest_of(b""), chown=False
        )


@pytest.mark.parametrize(
    "blob",
    [b"not a tar at all" * 99, gzip.compress(a_layer(["a"]))[:-9], b"\x1f\x8bjunk"],
    ids=["no tar", "cut off", "no gzip"],
)
def test_broken_archives_are_refused(root: Path, blob: bytes) -> None:
    """Cut off or no archive at all."""
    with pytest.raises(InvalidImageError):
        apply_layer(io.BytesIO(blob), root, subject="test", chown=False)


def test_resolving_stays_inside(root: Path) -> None:
    """``..`` at the root is the root, as for a process in it."""
    (root / "a").mkdir()
    (root / "up").symlink_to("../../..")

    assert resolve_in_root(str(root), "up/a/../../../a") == f"{root}/a"
