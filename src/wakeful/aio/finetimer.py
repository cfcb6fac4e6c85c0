"""Sleeping for less than two milliseconds.

The loop's selector counts whole milliseconds and rounds up: to wait for 1.02 takes 2.2 of them. The
kernel's timer descriptors count nanoseconds.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time

LONGEST_SECONDS = 0.01
"""Beyond it, a millisecond more or less does not matter."""

_libc = ctypes.CDLL(None, use_errno=True)


async def fine_sleep(seconds: float) -> None:
    """Return after ``seconds``, some hundredths of a millisecond late; takes half a dozen calls.

    Raises:
        OSError: The system gives no timer.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def ring() -> None:
        if not over.done():
            over.set_result(None)

    timer = _start_timer(seconds)
    try:
        loop.add_reader(timer, ring)
        await over
    finally:
        loop.remove_reader(timer)
        os.close(timer)


def _start_timer(seconds: float) -> int:
    """A descriptor that can be read once, after ``seconds``."""
    timer = int(_libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC | os.O_NONBLOCK))
    if timer < 0:
        raise _error()
    nanoseconds = max(1, round(seconds * 1e9))
    # No interval; then the first time, which 0 would switch off.
    when = struct.pack("@4l", 0, 0, *divmod(nanoseconds, 1_000_000_000))
    if _libc.timerfd_settime(timer, 0, when, None) < 0:
        error = _error()
        os.close(timer)
        raise error
    return timer


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
