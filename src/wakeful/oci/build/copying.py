"""COPY and ADD: which files are meant, and where they go."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.errors import BuildError
from wakeful.oci.layers import resolve_in_root

_SPECIAL = set("*?[")


def find_sources(root: Path, pattern: str, ignored: Callable[[str], bool]) -> list[str]:
    """Return the paths below ``root``, relative, that ``pattern`` means; sorted.

    A leading slash or ``..`` leads no further up than ``root``, as Docker has it.
    """
    clean = posixpath.normpath("/" + pattern).lstrip("/")
    if not set(clean) & _SPECIAL:
        path = Path(resolve_in_root(str(root), clean)) if clean else root
        exists = os.path.lexists(path) and not (clean and ignored(clean))
        return [clean] if exists else []
    found = [""]
    for part in clean.split("/"):
        found = [
            posixpath.join(parent, name)
            for parent in found
            for name in _entries(root / parent)
            if fnmatch.fnmatchcase(name, part)
        ]
    return [name for name in found if not ignored(name)]


def _entries(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []


def copy_into(
    root: Path,
    names: Sequence[str],
    place: Callable[[str], Path],
    destination: str,
    rules: IgnoreRules,
    *,
    several: bool,
    mode: int | None = None,
    unpack: bool = False,
) -> None:
    """Copy ``names`` below ``root`` to ``destination``, an absolute path of the image.

    ``place`` says where a path of the image lies on this machine. A directory's content is copied,
    not the directory itself. With ``unpack``, archives are opened, as ADD does.
    """
    into = several or destination.endswith("/")
    for name in names:
        source = root / name if not name else Path(resolve_in_root(str(root), name))
        if source.is_dir():
            for path, relative in _walk(source, name, rules):
                _copy_one(path, place(posixpath.join(destination, relative)), mode)
            place(destination).mkdir(parents=True, exist_ok=True)
        elif unpack and source.is_file() and tarfile.is_tarfile(source):
            target = place(destination)
            target.mkdir(parents=True, exist_ok=True)
            with tarfile.open(source) as archive:
                archive.extractall(target, filter="data")
        elif into or place(destination).is_dir():
            _copy_one(source, place(posixpath.join(destination, posixpath.basename(name))), mode)
        else:
            _copy_one(source, place(destination), mode)


def _walk(source: Path, name: str, rules: IgnoreRules) -> Iterator[tuple[Path, str]]:
    for directory, folders, files in os.walk(source):
        below = os.path.relpath(directory, source)
        prefix = "" if below == "." else f"{below}/"
        within = f"{name}/" if name else ""
        if not rules.has_exceptions:
            folders[:] = [f for f in folders if not rules.ignores(f"{within}{prefix}{f}")]
        folders.sort()
        for entry in [*folders, *sorted(files)]:
            relative = f"{prefix}{entry}"
            if not rules.ignores(f"{within}{relative}"):
                yield Path(directory, entry), relative


def _copy_one(source: Path, target: Path, mode: int | None) -> None:
    found = source.lstat()
    if stat.S_ISDIR(found.st_mode):
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    if stat.S_ISLNK(found.st_mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(found.st_mode):
        shutil.copy(source, target)
        if mode is not None:
            target.chmod(mode)
    else:
        raise BuildError(str(source), "is neither a file, a directory nor a link")
