"""Try, tell, wait longer and longer, try again: the one loop for whatever may be away for a while.

A coroutine, so that whoever calls it owns it: in a ``TaskGroup`` for work that goes on for ever,
inline for work with an end.
"""

from __future__ import annotations

import math
from asyncio import Event
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wakeful.aio.backoff import Backoff
from wakeful.aio.clock import Clock, SystemClock
from wakeful.aio.waiting import first_of

T = TypeVar("T")


async def retry(
    work: Callable[[], Awaitable[T]],
    on: type[Exception] | tuple[type[Exception], ...],
    *,
    backoff: Backoff,
    tell: Callable[[Exception, float], None] | None = None,
    clock: Clock | None = None,
    steady_seconds: float = math.inf,
    attempts: float = math.inf,
    hurry: Event | None = None,
) -> T:
    """Call ``work`` until it returns, and return what it returned; what is not ``on`` is raised.

    After each failure ``tell`` gets the error, which is being handled then, and the seconds until
    the next attempt. Delays are those of ``backoff``, which ``work`` may reset when it gets on; an
    attempt of more than ``steady_seconds`` resets it as well. After ``attempts`` without a reset
    the last error is raised. Once ``hurry`` is set nothing is waited for.

    Cancellation: ends the attempt or the wait, whichever it is in.
    """
    clock = clock or SystemClock()
    while True:
        begun = clock.monotonic()
        try:
            return await work()
        except on as err:
            if clock.monotonic() - begun > steady_seconds:
                backoff.reset()
            if backoff.failures + 1 >= attempts:
                raise
            delay = backoff.next()
            if tell is not None:
                tell(err, delay)
        if hurry is None:
            await clock.sleep(delay)
        else:
            await first_of(clock.sleep(delay), hurry.wait())
