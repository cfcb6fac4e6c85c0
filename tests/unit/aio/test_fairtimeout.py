"""Limits that do not count our own delays; the loop's clock and its stalls are made up."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wakeful.aio import fair_timeout


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes only when it has nothing to do, or when a test stalls it."""

    def __init__(self) -> None:
        self.now = 100.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    def stall(self, seconds: float) -> None:
        """Be busy with something else."""
        self.now += seconds


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += timeout or 0.0
        return super().select(0)


def run(make: Callable[[_Loop], Coroutine[Any, Any, None]]) -> float:
    """Seconds that it took."""
    loop = _Loop()
    begun = loop.now
    try:
        loop.run_until_complete(make(loop))
    finally:
        loop.close()
    return loop.now - begun


def test_who_does_not_answer_has_the_limit_and_no_more() -> None:
    async def case(_loop: _Loop) -> None:
        with pytest.raises(TimeoutError):
            async with fair_timeout(1.0):
                await asyncio.Event().wait()

    assert run(case) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("begins", [0.1, 0.6, 0.9])
def test_an_answer_that_lay_there_while_we_were_late_is_taken(begins: float) -> None:
    async def case(loop: _Loop) -> None:
        answer = asyncio.Event()
        loop.call_later(begins, loop.stall, 5.0)
        # What came meanwhile takes a few turns of the loop to be read.
        loop.call_later(begins + 1.0, lambda: loop.call_soon(loop.call_soon, answer.set))
        async with fair_timeout(1.0):
            await answer.wait()

    run(case)


def test_one_who_is_always_late_gives_up_nevertheless() -> None:
    async def case(loop: _Loop) -> None:
        def busy() -> None:
            loop.stall(0.3)
            loop.call_later(0.0, busy)

        loop.call_soon(busy)
        with pytest.raises(TimeoutError):
            async with fair_timeout(1.0):
                await asyncio.Event().wait()

    assert 1.0 < run(case) < 10.0


def test_what_is_done_in_time_leaves_nothing_behind() -> None:
    async def case(_loop: _Loop) -> None:
        async with fair_timeout(1.0):
            await asyncio.sleep(0.5)
        await asyncio.sleep(5.0)

    assert run(case) == pytest.approx(5.5, abs=0.01)
