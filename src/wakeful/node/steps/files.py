"""Files in volumes that programs of the Pod write to as well.

A program may have put a link anywhere, so paths are followed name by name and no link is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


Owner = tuple[int, int]


@contextmanager
def _folder(
    root: Path, parts: tuple[str, ...], *, make: bool, owner: Owner | None = None
) -> Iterator[int]:
    """Open the directory at ``parts`` below ``root``.

    What is made belongs to ``owner`` alone, or else to everybody.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
                    os.chmod(part, 0o777 if owner is None else 0o700, dir_fd=descriptor)
                    if owner is not None and os.geteuid() == 0:
                        os.chown(part, *owner, dir_fd=descriptor, follow_symlinks=False)
            inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _parts(relative: str) -> tuple[str, ...]:
    parts = PurePosixPath(relative).parts
    if ".." in parts or PurePosixPath(relative).is_absolute():
        raise ValueError(f"path {relative!r} must be relative and without '..'")
    return parts


def read_below(root: Path, relative: str, *, limit_bytes: int) -> bytes | None:
    """Return the beginning of a regular file; None when there is none, or a link on the way."""
    *folders, name = _parts(relative)
    try:
        with _folder(root, tuple(folders), make=False) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
                return file.read(limit_bytes)
    except OSError:
        return None


def write_below(
    root: Path,
    relative: str,
    data: bytes,
    *,
    mode: int = 0o666,
    append: bool = False,
    owner: Owner | None = None,
) -> None:
    """Write a file, and the directories it lies in.

    Raises:
        OSError: There is a link on the way, or something else that is in it.
    """
    *folders, name = _parts(relative)
    with _folder(root, tuple(folders), make=True, owner=owner) as folder:
        how = os.O_APPEND if append else os.O_TRUNC
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | how
        with os.fdopen(os.open(name, flags, 0o666, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), mode)
            if owner is not None and os.geteuid() == 0:
                os.fchown(file.fileno(), *owner)
            file.write(data)


def make_below(root: Path, relative: str) -> None:
    """Make a directory and all it lies in, for everybody to write to.

    Raises:
        OSError: There is a link on the way, or a file.
    """
    with _folder(root, _parts(relative), make=True):
        return


def link_below(root: Path, name: str, target: str) -> None:
    """Make a link at ``name``, unless there is something already."""
    with suppress(FileExistsError):
        (root / name).symlink_to(target)
