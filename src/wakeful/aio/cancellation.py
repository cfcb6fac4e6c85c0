"""Cancellations that others catch, and work that cannot be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


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


async def to_thread_and_back(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``asyncio.to_thread``, but never leave the thread behind at its work.

    Cancellation: waits until ``function`` has returned. For what is done to files and locks that
    the caller gives up when it is told to end: whoever comes next must not meet the thread there.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # nobody waits for it any more
        raise
