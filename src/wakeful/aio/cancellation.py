"""Cancellations that others catch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_cancellation() -> Iterator[None]:
    """Leave with ``CancelledError`` if the task was told to end in here, whoever caught that.

    For calls into libraries that catch cancellations while they clean up: a loop that goes on
    after such a call would never end, and neither would the group that waits for it.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
