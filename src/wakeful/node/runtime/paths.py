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


def normalise(target: PurePosixPath) -> PurePosixPath:
    """Return ``target`` absolute and without dots.

    Raises:
        PathError: It is relative.
    """
    if not target.is_absolute():
        raise PathError(f"path {str(target)!r} is not absolute")
    return PurePosixPath(os.path.normpath(target).replace("//", "/", 1))


def resolve_inside(root: Path, target: PurePosixPath) -> PurePosixPath:
    """Follow the links on the way to ``target`` as a process with root ``root`` would.

    What does not exist stays as it is written.
    """
    rest = list(reversed(normalise(target).parts[1:]))
    done: list[str] = []
    links = 0
    while rest:
        part = rest.pop()
        if part == "..":
            done = done[:-1]
            continue
        if part in ("", "."):
            continue
        real = root.joinpath(*done, part)
        try:
            link = os.readlink(real)  # noqa: PTH115 - the text, not a path
        except OSError:
            done.append(part)
            continue
        links += 1
        if links > _LINK_LIMIT:
            raise PathError(f"path {str(target)!r} has too many symbolic links")
        if link.startswith("/"):
            done = []
        rest.extend(reversed(link.split("/")))
    return PurePosixPath("/", *done)


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


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def resolve_on_host(target: PurePosixPath, root: Path = Path("/")) -> PurePosixPath:
    """Like ``resolve_inside`` for a container that lives on the host's root.

    Only what is shown of the host counts; of the rest, /var/run is a link to /run as everywhere.
    """
    target = normalise(target)
    parts = target.parts
    if parts[1:3] == ("var", "run"):
        return PurePosixPath("/run", *parts[3:])
    if len(parts) > 1 and parts[1] in HOST_TOPS:
        return resolve_inside(root, target)
    return target


def missing_under(
    target: PurePosixPath, view: HostView, root: Path = Path("/")
) -> PurePosixPath | None:
    """Return the deepest existing directory above ``target`` that would have to be writable.

    None when ``target`` exists, or lies where mount points can be made anyway.
    """
    if not any(_within(str(target), d) for d in view.directories):
        return None
    path = root / target.relative_to("/")
    if path.exists():
        return None
    for parent in target.parents:
        if (root / parent.relative_to("/")).is_dir():
            return parent
    return None
