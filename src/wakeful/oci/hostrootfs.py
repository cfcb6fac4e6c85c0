"""Images that run on this machine's root file system: what they add to it, and see of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from wakeful.oci.image import LABEL_BASH_AS_SH, OWN_SH, ImageConfig, ReadOnlyMount

_BASH = Path("/bin/bash")
_HOST_TOPS = frozenset(("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt"))
"""Directories of the host's root that its sandboxes show."""


class HostPaths:
    """Directories of this machine that such images may see, a line each in one file.

    An image's own label is not enough: anybody can write one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> frozenset[str]:
        """Every directory that was allowed."""
        try:
            return frozenset(self._file.read_text().splitlines())
        except FileNotFoundError:
            return frozenset()

    def add(self, path: str) -> None:
        """Allow one more."""
        if path not in self.all():
            with self._file.open("a") as file:
                file.write(f"{path}\n")


def host_mounts(
    root: Path, config: ImageConfig, allowed: Collection[str]
) -> tuple[ReadOnlyMount, ...]:
    """What to mount for an image whose files lie in ``root``.

    Its own files, those of the directories it asks for that are ``allowed``, and its shell.
    """
    mounts = list(_over_host(root, Path("/")))
    mounts += [
        ReadOnlyMount(Path(path), PurePosixPath(path))
        for path in config.host_paths
        if path in allowed
    ]
    if config.labels.get(LABEL_BASH_AS_SH) == "true" and _BASH.exists():
        own = root / OWN_SH.lstrip("/")
        shell = own if own.is_file() else _BASH.resolve()
        mounts.append(ReadOnlyMount(shell, PurePosixPath("/bin/sh")))
    return tuple(mounts)


def _over_host(directory: Path, host: Path) -> Iterator[ReadOnlyMount]:
    """What to mount so that the image's files appear among the host's, and hide none of them.

    A directory that a sandbox shows of the host is gone through; what the host lacks there, or has
    as a file, is mounted.
    """
    for entry in sorted(directory.iterdir()):
        place = host / entry.name
        shown = host != Path("/") or entry.name in _HOST_TOPS
        if shown and place.is_dir() and entry.is_dir() and not entry.is_symlink():
            yield from _over_host(entry, place)
        elif not entry.is_symlink():
            yield ReadOnlyMount(entry, PurePosixPath(place))
