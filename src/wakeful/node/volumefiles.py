"""Files of a volume on disk, replaced all at once as the kubelet does.

The volume's directory holds symbolic links to ``..data/<name>``, and ``..data`` is a link to a
directory with a time in its name. Replacing that one link shows every new file in the same instant;
a mount of a single file (``subPath``) keeps the old one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_DATA = "..data"


@dataclass(frozen=True, slots=True)
class VolumeFile:
    """One file of a volume; ``path`` is relative and has no ``..``."""

    path: str
    content: bytes
    mode: int


def publish(folder: Path, files: Sequence[VolumeFile], *, now: datetime, owner: int | None) -> bool:
    """Make ``folder`` hold exactly ``files``; False when it did already. ``owner`` is a group."""
    current = folder / _DATA
    old = current.resolve() if current.is_symlink() else None
    if old is not None and _holds(old, files):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    fresh = _fresh_directory(folder, now)
    for file in files:
        path = fresh / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode | 0o044)  # the user inside is not the owner outside
        if owner is not None and os.geteuid() == 0:
            os.chown(path, -1, owner)
    _point(current, fresh.name)
    tops = {file.path.split("/", 1)[0] for file in files}
    for top in tops:
        if not (folder / top).is_symlink():
            _point(folder / top, f"{_DATA}/{top}")
    for entry in list(folder.iterdir()):
        if entry.is_symlink() and entry.name not in tops and entry.name != _DATA:
            entry.unlink()
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _holds(folder: Path, files: Sequence[VolumeFile]) -> bool:
    present = {str(p.relative_to(folder)): p for p in folder.rglob("*") if not p.is_dir()}
    return present.keys() == {f.path for f in files} and all(
        present[f.path].read_bytes() == f.content
        and present[f.path].stat().st_mode & 0o777 == (f.mode | 0o044) & 0o777
        for f in files
    )


def _fresh_directory(folder: Path, now: datetime) -> Path:
    stamp = now.strftime("..%Y_%m_%d_%H_%M_%S.")
    number = 0
    while True:
        fresh = folder / f"{stamp}{number}"
        try:
            fresh.mkdir()
        except FileExistsError:
            number += 1
        else:
            fresh.chmod(0o755)
            return fresh


def _point(link: Path, target: str) -> None:
    """Make or replace a symbolic link in one step."""
    growing = link.with_name(f"{link.name}_tmp")
    growing.unlink(missing_ok=True)
    growing.symlink_to(target)
    growing.replace(link)
