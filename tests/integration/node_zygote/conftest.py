"""Makes the support module importable, and gives folders and processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy

import pytest

from wakeful.node.zygote import hook
from wakeful.node.zygote.recording import Recipe

sys.path.insert(0, str(Path(__file__).parent))

from support_hook import Folder, Parked, park_in


@pytest.fixture
def park() -> Iterator[Callable[..., Parked]]:
    """Starts processes that wait, and ends them."""
    with ExitStack() as stack:

        def start(folder: Folder, recipe: Recipe, *args: str) -> Parked:
            parked = park_in(folder, recipe, args)
            stack.callback(parked.end)
            return parked

        yield start


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty application, with the hook beside it."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "app").mkdir()
    copy(hook.__file__, tmp_path / "hook" / "sitecustomize.py")
    return Folder(tmp_path)
