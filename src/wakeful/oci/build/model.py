"""What building is about: a source, a detector that knows it, and the recipe it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from wakeful.oci.build.workbench import Workbench

WORKSPACE = "/workspace"
"""Where the application lies in its image."""


class StepState(StrEnum):
    """How a step of a build is doing."""

    STARTED = "started"
    DONE = "done"
    NOTE = "note"
    """Not a step: something the user should know."""
    OUTPUT = "output"
    """A line that a tool wrote."""


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One thing that happens in a build, for people to read."""

    title: str
    state: StepState
    detail: str = ""


StepCallback = Callable[[BuildStep], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A directory to build, as its author wrote it."""

    path: Path

    def has(self, name: str) -> bool:
        """Whether the file exists at the top of the source."""
        return (self.path / name).is_file()

    def first(self, *names: str) -> str:
        """The first of ``names`` that exists, else ""."""
        return next((name for name in names if self.has(name)), "")

    def text(self, name: str) -> str:
        """The file's text; "" when there is no such file."""
        return (self.path / name).read_text(errors="replace") if self.has(name) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the finished application is started; its files lie in the workbench by then."""

    command: tuple[str, ...] = ()
    """Empty when the source has no start command of its own: a Procfile must give it."""
    hint: str = ""
    """What to add to the source when ``command`` is empty."""
    env: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    """Directories that come first in PATH."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Program names as people write them → where this machine has them."""
    host_paths: tuple[str, ...] = ()
    """Directories of this machine that a sandbox might hide, and the application needs."""


class Detector(Protocol):
    """Knows one kind of source."""

    @property
    def name(self) -> str:
        """What the kind is called in messages and in the image's label."""
        ...

    def detect(self, source: Source) -> bool:
        """Whether the source is of this kind; reads, runs nothing."""
        ...

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """Finish the application in the workbench.

        Raises:
            BuildError: A tool is missing or fails, or the source lacks something.
        """
        ...
