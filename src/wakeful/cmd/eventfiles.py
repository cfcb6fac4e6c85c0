"""Names of the event path's processes and where their files are, for commands that only look."""

from __future__ import annotations

from wakeful.config import DataDir
from wakeful.eventing.worker.files import EventingPaths

EVENT_SERVER = "event-server"
EVENT_PROCESS = "event-process"


def eventing_paths(layout: DataDir) -> EventingPaths:
    """Files of the event path."""
    return EventingPaths(layout.root / "eventing", layout.run)


def event_process_name(index: int) -> str:
    """The name of one of several event processes."""
    return f"{EVENT_PROCESS}-{index}" if index else EVENT_PROCESS


def event_process_index(name: str) -> int | None:
    """Which event process has this name; None for other processes."""
    if name == EVENT_PROCESS:
        return 0
    tail = name.removeprefix(f"{EVENT_PROCESS}-")
    return int(tail) if tail != name and tail.isdigit() else None
