"""Paths stay inside, whatever links an image has."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from wakeful.node.runtime.launching import outside_path
from wakeful.node.runtime.paths import (
    PathError,
    host_view,
    missing_under,
    normalise,
    resolve_inside,
    resolve_on_host,
)


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/etc/hosts", "/etc/hosts"),
        ("/abs/x", "/etc/x"),
        ("/rel/x", "/etc/x"),
        ("/up/passwd", "/passwd"),
        ("/chain/x", "/etc/x"),
        ("/etc/../../../x", "/x"),
        ("/new/dir", "/new/dir"),
    ],
)
def test_links_are_followed_inside_the_root(tmp_path: Path, path: str, resolved: str) -> None:
    """Absolute, relative, climbing and chained ones."""
    (tmp_path / "etc").mkdir()
    for name, text in (
        ("abs", "/etc"),
        ("rel", "etc"),
        ("up", "../../.."),
        ("chain", "/abs"),
    ):
        (tmp_path / name).symlink_to(text)

    assert resolve_inside(tmp_path, PurePosixPath(path)) == resolved


def test_endless_links_are_an_error(tmp_path: Path) -> None:
    """Not an endless loop."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(PathError, match="too many"):
        resolve_inside(tmp_path, PurePosixPath("/a/x"))


def test_relative_paths_are_refused() -> None:
    """A mount point is absolute."""
    with pytest.raises(PathError, match="not absolute"):
        normalise(PurePosixPath("data"))
    assert normalise(PurePosixPath("//a//b/../c")) == "/a/c"


def a_host(root: Path) -> Path:
    for name in ("usr/bin", "etc/ssl", "home/me", "root", "var/lib/d"):
        (root / name).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "etc" / "hosts").write_text("")
    return root


def test_host_view_shows_programs_and_settings_only(tmp_path: Path) -> None:
    """And covers what has to be hidden among those."""
    root = a_host(tmp_path)

    view = host_view([Path("/usr/secret"), Path("/root/data")], root)

    assert view.links == [("/bin", "usr/bin")]
    assert view.directories == ["/usr", "/etc"]
    assert view.hidden == ["/usr/secret"]


def test_room_is_made_only_where_it_is_missing(tmp_path: Path) -> None:
    """What exists can be mounted on; what is not shown can be made freely."""
    root = a_host(tmp_path)
    view = host_view([], root)

    def missing(path: str) -> str | None:
        return missing_under(path, view, root)

    assert missing("/etc/hosts") is None
    assert missing("/app") is None
    assert missing("/home/me/x") is None
    assert missing("/etc/config") == "/etc"
    assert missing("/etc/ssl/a/b") == "/etc/ssl"


def test_targets_on_the_host_root(tmp_path: Path) -> None:
    """Links of the host count where the host is shown; /var/run is /run."""
    root = a_host(tmp_path)

    assert resolve_on_host(PurePosixPath("/bin/x"), root) == "/usr/bin/x"
    assert resolve_on_host("/var/run/secrets/t", root) == "/run/secrets/t"
    assert resolve_on_host("/data", root) == "/data"


def test_plain_processes_find_their_files() -> None:
    """Words that are paths below a mount are put right, others are left alone."""
    mounts = {"/app": "/images/1", "/app/data": "/volumes/2"}

    words = ["/app/run.sh", "/app", "/application", "--x=/app/y", "/app/data/f"]

    assert [outside_path(word, mounts) for word in words] == [
        "/images/1/run.sh",
        "/images/1",
        "/application",
        "--x=/app/y",
        "/volumes/2/f",
    ]
