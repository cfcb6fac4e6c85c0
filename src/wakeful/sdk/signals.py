"""Ending a program properly when it is asked to."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_until_signal(work: Coroutine[Any, Any, T]) -> T | None:
    """Run ``work`` to its end, or until SIGTERM or SIGINT: then it is cancelled and None returned.

    Everything it holds by ``async with`` is given back; a second signal ends the process at once::

        asyncio.run(run_until_signal(main()))

    Cancellation: cancels ``work`` and waits for it.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work, name="main")
    is_asked = False

    def end() -> None:
        nonlocal is_asked
        is_asked = True
        forget()
        task.cancel("signal")

    def forget() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        return await task
    except asyncio.CancelledError:
        # Ours when a signal came and nobody cancelled the caller as well.
        caller = asyncio.current_task()
        if is_asked and caller is not None and not caller.cancelling():
            return None
        raise
    finally:
        forget()
