"""Names of the event path's processes and where their files are, for commands that only look."""

from __future__ import annotations

from wakeful.config import DataDir
from wakeful.eventing.worker.files import EventingPaths

EVENT_SERVER = "event-server"
EVENT_PROCESS = "event-process"


def eventing_paths(layout: DataDir) -> EventingPaths:
    """Files of the event path."""
    return EventingPaths(layout.root / "eventing", layout.run)
