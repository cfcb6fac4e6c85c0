"""Waiting for what tells nobody: a state of another process, of a file, of the kernel."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

R = TypeVar("R")


@overload
async def eventually(
    check: Callable[[], Awaitable[R | None]], *, seconds: float = ..., every: float = ...
) -> R: ...
@overload
async def eventually(
    check: Callable[[], R | None], *, seconds: float = ..., every: float = ...
) -> R: ...
async def eventually(check: Callable[[], Any], *, seconds: float = 60, every: float = 0.005) -> Any:
    """Return the first true result of ``check``, which is tried ``every`` so many seconds.

    Raises:
        AssertionError: It never became true in ``seconds``.
    """
    last: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                result = check()
                last = await result if inspect.isawaitable(result) else result
                if last:
                    return last
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s; last result: {last!r}") from None
