"""The gate enters and leaves the path of a revision that has ready instances."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

from wakeful.gateway import Endpoint, GatePlace, RevisionKey
from wakeful.testing.gateway import (
    App,
    Rig,
    revision,
    running_app,
    running_gateway,
    simple_plan,
)
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
OUT = simple_plan(revision("hello", gate=GatePlace.OUT))
IN_PATH = simple_plan(revision("hello", gate=GatePlace.IN_PATH))


@contextlib.asynccontextmanager
async def load(rig: Rig, clients: int = 6) -> AsyncIterator[Counter[int]]:
    """Ask all the time; a few requests take longer than any change of the path."""
    answers: Counter[int] = Counter()
    stop = asyncio.Event()

    async def ask(number: int) -> None:
        while not stop.is_set():
            path = "/?sleep=0.2" if number == 0 else "/?sleep=0.002"
            answers[(await rig.get(HOST, path)).status] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(ask(number))
        yield answers
        stop.set()


def passed_the_gate(app: App, since: int) -> set[bool]:
    """Whether requests passed it, of those that the program saw from number ``since`` on."""
    return {"k-proxy-request" in map(str.lower, seen) for seen in app.headers[since:]}


async def test_gate_enters_and_leaves_under_load_without_a_failed_request() -> None:
    async with (
        running_app("one") as one,
        running_app("two") as two,
        running_gateway(OUT) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [one.endpoint, two.endpoint])
        async with load(rig) as answers:
            for plan, through in [(IN_PATH, True), (OUT, False)] * 15:
                await rig.gateway.publish(plan)
                begun, seen = answers[200], len(one.headers)
                await eventually(lambda begun=begun: answers[200] >= begun + 20)
                seen_later = len(one.headers)
                await eventually(lambda later=seen_later: len(one.headers) > later)
                assert passed_the_gate(one, seen_later) == {through}
                assert seen <= seen_later

        assert set(answers) == {200}
        assert two.served > 100
        assert rig.poke.calls == []
        counts = rig.gateway.gate.counts(HELLO)
        assert counts is not None
        assert counts.arrived_total > 100


async def test_instances_come_and_go_while_the_gate_is_in_the_path() -> None:
    async with (
        running_app("one") as one,
        running_app("two") as two,
        running_gateway(IN_PATH) as rig,
    ):
        rig.start_on_poke(one)
        async with load(rig) as answers:
            for _ in range(10):
                for endpoints in ([], [two.endpoint], [one.endpoint, two.endpoint]):
                    await rig.gateway.set_endpoints(HELLO, endpoints)
                    begun = answers[200]
                    await eventually(lambda begun=begun: answers[200] >= begun + 5)

        assert set(answers) == {200}
        assert passed_the_gate(one, 0) == passed_the_gate(two, 0) == {True}


async def test_request_that_went_by_before_the_gate_came_is_waited_for() -> None:
    """An instance leaves while a request is in flight that the gate knows nothing of."""
    async with running_app("old") as old, running_app("new") as new, running_gateway(OUT) as rig:
        await rig.gateway.set_endpoints(HELLO, [old.endpoint])
        slow = asyncio.create_task(rig.get(HOST, "/?hold"))
        await eventually(lambda: old.running)
        await rig.gateway.publish(IN_PATH)

        leaving = Endpoint(old.endpoint.address, old.endpoint.port, draining=True)
        await rig.gateway.set_endpoints(HELLO, [leaving, new.endpoint])
        assert not await rig.gateway.drained(HELLO, leaving, timeout=0.3)
        old.let_go.set()
        assert await rig.gateway.drained(HELLO, leaving, timeout=30)

        assert (await slow).status == 200


async def test_gate_may_come_to_one_that_never_had_it() -> None:
    """An annotation was added: another balancer, and so another cluster, under load."""
    before = simple_plan(revision("hello"))
    after = simple_plan(revision("hello", gate=GatePlace.IN_PATH))
    async with running_app("one") as one, running_gateway(before) as rig:
        await rig.gateway.set_endpoints(HELLO, [one.endpoint])
        async with load(rig) as answers:
            for plan in (after, before, after):
                begun = answers[200]
                await eventually(lambda begun=begun: answers[200] >= begun + 20)
                await rig.gateway.publish(plan)
            begun = answers[200]
            await eventually(lambda begun=begun: answers[200] >= begun + 20)

        assert set(answers) == {200}
