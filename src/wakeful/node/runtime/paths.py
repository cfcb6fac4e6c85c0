"""Where paths of a container lead: symbolic links followed inside its own root, never outside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LINK_LIMIT = 40

HOST_TOPS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "nix", "gnu")
"""What of the host's root a container sees: programs and their settings. Not /root, /home, /var,
/srv, /mnt and whatever else holds people's data."""


class PathError(ValueError):
    """A path that cannot be used in a container."""


def normalise(target: PurePosixPath | str) -> str:
    """Return ``target`` absolute and without dots.

    Raises:
        PathError: It is relative.
    """
    text = str(target)
    if not text.startswith("/"):
        raise PathError(f"path {text!r} is not absolute")
    return os.path.normpath(text).replace("//", "/", 1)


def resolve_inside(root: Path | str, target: PurePosixPath | str) -> str:
    """Follow the links on the way to ``target`` as a process with root ``root`` would.

    What does not exist stays as it is written.
    """
    # Strings, not paths: every container start comes through here a dozen times.
    rest = normalise(target).split("/")[:0:-1]
    prefix = "" if str(root) == "/" else str(root)
    done = ""
    links = 0
    while rest:
        part = rest.pop()
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        if part in ("", "."):
            continue
        try:
            link = os.readlink(f"{prefix}{done}/{part}")
        except OSError:
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _LINK_LIMIT:
            raise PathError(f"path {str(target)!r} has too many symbolic links")
        if link.startswith("/"):
            done = ""
        rest.extend(reversed(link.split("/")))
    return done or "/"


@dataclass(frozen=True, slots=True)
class HostView:
    """How the host's root file system looks from inside."""

    links: Sequence[tuple[str, str]]
    """Top-level links: place, text."""
    directories: Sequence[str]
    """Top-level directories, shown read-only."""
    hidden: Sequence[str]
    """Directories in those that must look empty."""


def host_view(hidden: Iterable[Path], root: Path = Path("/")) -> HostView:
    """Return the view, with ``hidden`` directories empty where they would be visible."""
    links, directories = [], []
    for name in HOST_TOPS:
        path = root / name
        if path.is_symlink():
            links.append((f"/{name}", str(path.readlink())))
        elif path.is_dir():
            directories.append(f"/{name}")
    covered = [
        str(path) for path in sorted(set(hidden)) if any(_within(str(path), d) for d in directories)
    ]
    return HostView(links, directories, covered)


def below(path: str, directory: str) -> bool:
    """Whether ``path`` lies in ``directory``, and is not it."""
    return path.startswith(directory.rstrip("/") + "/") and path != directory


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def resolve_on_host(target: PurePosixPath | str, root: Path = Path("/")) -> str:
    """Like ``resolve_inside`` for a container that lives on the host's root.

    Only what is shown of the host counts; of the rest, /var/run is a link to /run as everywhere.
    """
    text = normalise(target)
    parts = text.split("/")
    if parts[1:3] == ["var", "run"]:
        return "/".join(["/run", *parts[3:]])
    if parts[1] in HOST_TOPS:
        return resolve_inside(root, text)
    return text


def missing_under(target: str, view: HostView, root: Path = Path("/")) -> str | None:
    """Return the deepest existing directory above ``target`` that would have to be writable.

    None when ``target`` exists, or lies where mount points can be made anyway.
    """
    if not any(_within(target, d) for d in view.directories):
        return None
    prefix = "" if str(root) == "/" else str(root)
    if os.path.exists(prefix + target):
        return None
    parent = target
    while parent:
        parent = parent.rpartition("/")[0]
        if os.path.isdir(prefix + parent):
            return parent
    return None
