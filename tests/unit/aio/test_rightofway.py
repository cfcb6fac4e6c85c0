"""Work that can wait lets pass what somebody waits for, but not for ever."""

import asyncio

import pytest

from wakeful.aio import RightOfWay


async def test_what_can_wait_goes_on_when_the_claim_is_over() -> None:
    """A claim ends by itself: nobody has to give it back."""
    way = RightOfWay(seconds=0.2)
    way.claim()
    assert way.is_claimed

    await asyncio.wait_for(way.give_way(), 60)

    assert not way.is_claimed


async def test_a_released_claim_holds_nobody() -> None:
    """Whoever was waited for is there: what can wait goes on at once."""
    way = RightOfWay(seconds=600)
    way.claim()

    way.release()
    await asyncio.wait_for(way.give_way(), 60)

    assert not way.is_claimed


async def test_without_a_claim_nobody_waits() -> None:
    """Giving way costs nothing as long as nobody has claimed it."""
    await asyncio.wait_for(RightOfWay(seconds=600).give_way(), 60)


async def test_a_claim_right_after_another_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, what can wait has at least half of the time."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)
    way = RightOfWay(seconds=600)
    way.claim()
    now += 10
    way.release()
    await way.give_way()

    now += 9
    way.claim()
    claimed_in_pause = way.is_claimed
    now += 1
    way.claim()

    assert not claimed_in_pause
    assert way.is_claimed
