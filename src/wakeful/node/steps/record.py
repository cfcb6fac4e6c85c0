"""What has become of a step, on disk: whoever comes after this agent goes on from there.

A step is *started* just before its program is, and *ended* before the file is there that later
steps wait for. So one that was started and of which nothing else is known was lost; and work counts
as done only if it is known to be.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """How a step ended, as its container's status shows it."""

    exit_code: int
    """As the entrypoint would have ended; 0 also when a failure does not matter."""
    reason: str
    message: str
    """What the step tells its TaskRun (see ``wakeful.pipelines.entrypoint.messages``)."""
    passed: bool
    """Whether later steps may start."""
    signal: int | None = None
    started_at: datetime
    finished_at: datetime
    image_id: str = ""


class StepRecords:
    """The records of one Pod, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, container: str, kind: str) -> Path:
        return self._folder / f"{container}.{kind}"

    def mark_started(self, container: str) -> None:
        """Write down that the program is about to be started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(container, "started").touch()

    def was_started(self, container: str) -> bool:
        """Whether the program may have run."""
        return self._path(container, "started").exists()

    def save(self, container: str, outcome: StepOutcome) -> None:
        """Write down how a step ended; after this it has."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(container, "json")
        growing = path.with_suffix(".new")
        growing.write_bytes(orjson.dumps(asdict(outcome)))
        os.replace(growing, path)  # noqa: PTH105 - atomic, and says so

    def outcome(self, container: str) -> StepOutcome | None:
        """How a step ended; None when it has not."""
        try:
            raw: dict[str, Any] = orjson.loads(self._path(container, "json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        for name in ("started_at", "finished_at"):
            raw[name] = datetime.fromisoformat(raw[name])
        return StepOutcome(**raw)
