"""What nobody waits for is done little by little, and not before it may be."""

import asyncio

import pytest

from wakeful.aio import Housekeeping, RightOfWay


def never() -> None:
    pytest.fail("called although nothing ended")


async def test_only_so_many_pieces_are_in_progress() -> None:
    keeping = Housekeeping(at_once=2, seconds=600)
    called: list[str] = []

    first = keeping.begin(never)
    assert first is not None
    assert keeping.begin(never) is not None
    assert keeping.begin(lambda: called.append("third")) is None
    assert keeping.begin(lambda: called.append("fourth")) is None
    first.end()
    first.end()  # once more is nothing more

    assert called == ["third"]


async def test_nothing_begins_while_it_is_held() -> None:
    """What was asked for meanwhile is called when it may begin."""
    keeping = Housekeeping()
    called = asyncio.Event()
    keeping.hold()
    assert keeping.begin(called.set) is None

    keeping.release()

    assert called.is_set()
    assert keeping.begin(never) is not None


async def test_who_has_the_right_of_way_goes_first() -> None:
    way = RightOfWay(seconds=600)
    keeping = Housekeeping(right_of_way=way)
    called = asyncio.Event()
    way.claim()
    assert keeping.begin(called.set) is None

    way.release()

    async with asyncio.timeout(60):
        await called.wait()


async def test_a_piece_that_waits_for_something_else_keeps_nobody() -> None:
    """Otherwise one object whose server does not answer would stop all others."""
    keeping = Housekeeping(seconds=0.01)
    assert keeping.begin(never) is not None
    async with asyncio.timeout(60), keeping.turn():
        pass


async def test_turns_are_taken_one_after_the_other() -> None:
    keeping = Housekeeping(seconds=600)
    at_work = most = 0

    async def work() -> None:
        nonlocal at_work, most
        async with keeping.turn():
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0)
            at_work -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(5)))

    assert most == 1


async def test_who_gives_up_waiting_does_not_take_a_turn_along() -> None:
    keeping = Housekeeping(seconds=600)
    piece = keeping.begin(never)
    assert piece is not None

    async def work() -> str:
        async with keeping.turn():
            return "done"

    gives_up, stays = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    piece.end()
    gives_up.cancel()

    async with asyncio.timeout(60):
        assert await stays == "done"
    assert gives_up.cancelled()
