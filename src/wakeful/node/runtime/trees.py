"""Removing directories that containers have written to."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any


def remove_tree(path: Path) -> None:
    """Remove a directory and everything in it, as far as permissions can be had.

    Containers, and overlay file systems, leave directories that their owner may not open.
    """

    def open_up(_: Any, name: str, __: Any) -> None:
        blocked = Path(name)
        with suppress(OSError):
            blocked.parent.chmod(0o700)
            if blocked.is_dir() and not blocked.is_symlink():
                blocked.chmod(0o700)
                shutil.rmtree(blocked, ignore_errors=True)
            else:
                blocked.unlink()

    if path.exists():
        shutil.rmtree(path, onerror=open_up)
