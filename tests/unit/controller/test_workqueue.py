"""The queue's promises: no duplicates, no two workers on one key, retries that wait longer."""

from __future__ import annotations

import asyncio

from wakeful.aio import Housekeeping
from wakeful.controller import WorkQueue


async def test_key_added_twice_is_handed_out_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add("a")

    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_key_added_while_processed_waits_for_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key = await queue.get()

    queue.add("a")
    assert len(queue) == 0
    queue.done(key)

    assert await queue.get() == "a"


async def test_key_added_before_it_is_begun_is_processed_once() -> None:
    """Whoever takes a key and waits sees, when it begins, what was added in the meantime."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")

    queue.begin(key)
    queue.done(key)

    assert queue.is_idle


async def test_what_changed_goes_before_what_is_only_there() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("old-1", "old-2", "old-3"):
        queue.add(key, hurry=False)
    queue.add("new")
    queue.add("old-2")  # something happened to it
    queue.add("new", hurry=False)

    taken = [await queue.get() for _ in range(len(queue))]

    assert taken == ["new", "old-2", "old-1", "old-3"]


async def test_the_second_row_gets_its_turns_while_the_first_never_ends() -> None:
    queue: WorkQueue[int] = WorkQueue()
    queue.add(-1, hurry=False)
    queue.add(0)
    taken = []
    while -1 not in taken:
        taken.append(await queue.get())
        queue.add(len(taken))

    assert len(taken) < 20


async def test_key_is_not_lost_when_a_getter_is_cancelled() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    queue.add("a")

    assert await queue.get() == "a"


async def test_earliest_of_two_delays_wins() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 3600)
    queue.add_after("a", 0.001)

    async with asyncio.timeout(60):
        assert await queue.get() == "a"
    queue.close()


async def test_adding_now_overrides_a_delay() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 3600)
    queue.add("a")

    assert await queue.get() == "a"
    queue.done("a")
    assert queue.is_idle


async def test_failures_wait_longer_until_forgotten() -> None:
    queue: WorkQueue[str] = WorkQueue(base=1, cap=1000)

    delays = [queue.add_rate_limited("a") for _ in range(4)]
    queue.forget("a")
    again = queue.add_rate_limited("a")

    assert delays == sorted(delays)
    assert delays[3] >= 8
    assert again < 2
    queue.close()


async def test_key_wakes_one_worker_and_the_next_one_another() -> None:
    queue: WorkQueue[str] = WorkQueue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)

    queue.add("a")
    queue.add("b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [worker.done() for worker in workers] == [True, True, False]
    assert [worker.result() for worker in workers[:2]] == ["a", "b"]
    workers[2].cancel()


async def test_key_whose_worker_is_cancelled_as_it_wakes_goes_to_another() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)

    queue.add("a")
    first.cancel()

    async with asyncio.timeout(1):
        assert await second == "a"


async def test_keys_added_while_the_queue_is_held_wake_workers_afterwards() -> None:
    held = True
    queue: WorkQueue[str] = WorkQueue(held=lambda: held)
    workers = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(worker.done() for worker in workers)

    held = False
    queue.wake()

    async with asyncio.timeout(1):
        assert sorted(await asyncio.gather(*workers)) == ["a", "b"]


async def test_second_row_waits_for_housekeeping_and_the_first_does_not() -> None:
    """After a start, what somebody asks for is done before everything was looked at again."""
    keeping = Housekeeping(seconds=600)
    keeping.hold()
    queue: WorkQueue[str] = WorkQueue(housekeeping=keeping)
    for key in ("a", "b", "c"):
        queue.add(key, hurry=False)
    workers = [asyncio.create_task(queue.get()) for _ in range(4)]
    await asyncio.sleep(0)
    queue.add("asked")
    queue.add("b")  # something happened to it
    async with asyncio.timeout(1):
        assert {await one for one in workers[:2]} == {"asked", "b"}
    assert not any(worker.done() for worker in workers[2:])

    keeping.release()

    async with asyncio.timeout(1):
        done, (waits,) = await asyncio.wait(
            workers[2:], return_when=asyncio.FIRST_COMPLETED, timeout=1
        )
        assert [one.result() for one in done] == ["a"]
        await asyncio.sleep(0)
        assert not waits.done()  # one at a time
        queue.done("a")
        assert await waits == "c"


async def test_queues_that_share_housekeeping_take_turns() -> None:
    keeping = Housekeeping(seconds=600)
    one: WorkQueue[str] = WorkQueue(housekeeping=keeping)
    other: WorkQueue[str] = WorkQueue(housekeeping=keeping)
    order: list[str] = []
    all_done = asyncio.Event()

    async def work(queue: WorkQueue[str]) -> None:
        while True:
            key = await queue.get()
            order.append(key)
            queue.done(key)
            if len(order) == 6:
                all_done.set()
            await asyncio.sleep(0)

    for key in ("a1", "a2", "a3"):
        one.add(key, hurry=False)
    for key in ("b1", "b2", "b3"):
        other.add(key, hurry=False)
    workers = [asyncio.create_task(work(queue)) for queue in (one, one, other, other)]
    async with asyncio.timeout(10):
        await all_done.wait()
    for worker in workers:
        worker.cancel()

    assert order.index("b1") < order.index("a3")
    assert sorted(order) == ["a1", "a2", "a3", "b1", "b2", "b3"]
