"""The event process over a real event server: what senders and subscribers see."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from wakeful.eventing.delivery import BackoffPolicy, RetryPolicy
from wakeful.eventing.history import HistoryStore, HopKind
from wakeful.eventing.plan.model import Plan, RoutePlan, StreamPlan, SubscriptionPlan, TargetPlan
from wakeful.eventing.processes import EventProcesses
from wakeful.testing.eventing import BROKER_HOST, EventPath, a_broker, a_trigger
from wakeful.testing.http import answering
from wakeful.testing.waiting import eventually

QUICK = RetryPolicy(2, BackoffPolicy.EXPONENTIAL, 0.01)


@dataclass
class Received:
    """A request a subscriber got."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers.get("ce-id", "")


Answering = Callable[[Received], Awaitable[web.Response]]


@dataclass
class Subscriber:
    """Records what it gets and answers as told."""

    answer: Answering | None = None
    received: list[Received] = field(default_factory=list)
    url: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        got = Received({k.lower(): v for k, v in request.headers.items()}, await request.read())
        self.received.append(got)
        self.news.set()
        return await self.answer(got) if self.answer is not None else web.Response(status=204)

    async def got(self, count: int, seconds: float = 60.0) -> list[Received]:
        async with asyncio.timeout(seconds):
            while len(self.received) < count:
                self.news.clear()
                await self.news.wait()
        return self.received


@asynccontextmanager
async def subscriber(answer: Answering | None = None) -> AsyncIterator[Subscriber]:
    one = Subscriber(answer)
    async with answering(one.handle, shutdown_timeout=0.2) as url:
        one.url = f"{url}/"
        yield one


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[EventPath]:
    async with EventPath(tmp_path) as path:
        yield path


async def send(
    path: EventPath,
    event_id: str,
    *,
    target: str = "/default/default",
    host: str = BROKER_HOST,
    data: bytes | io.BytesIO = b'{"n":1}',
    **headers: str,
) -> int:
    base = {
        "host": host,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": "/test",
        "ce-type": "test.event",
        "content-type": "application/json",
    }
    base |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(path.url + target, data=data, headers=base) as answer,
    ):
        return answer.status


async def test_an_event_comes_through_as_it_was_sent(path: EventPath) -> None:
    stream, route = a_broker()
    async with subscriber() as one:
        await path.use(Plan((stream,), (route,), (a_trigger(stream, "all", one.url),)))

        status = await send(
            path,
            "1",
            ce_subject="a subject",
            ce_custom="x%20y",
            knative_thing="kept",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            other="dropped",
        )
        (got,) = await one.got(1)

    assert status == 202
    assert got.body == b'{"n":1}'
    assert got.headers["content-type"] == "application/json"
    assert got.headers["ce-custom"] == "x%20y"
    assert got.headers["ce-subject"] == "a%20subject"
    assert got.headers["prefer"] == "reply"
    assert got.headers["knative-thing"] == "kept"
    assert got.headers["traceparent"].startswith("00-0af7")
    assert "ce-knativearrivaltime" in got.headers
    assert "ce-knativebrokerttl" not in got.headers
    assert "other" not in got.headers


async def test_what_cannot_be_accepted_is_refused_with_its_status(path: EventPath) -> None:
    stream, route = a_broker()
    await path.use(Plan((stream,), (route,)))
    channel = "nobody-kn-channel.default.svc"

    assert await send(path, "1", target="/default/other") == 404
    assert await send(path, "1", target="/") == 404
    assert await send(path, "1", target="/default") == 400
    assert await send(path, "1", target="/default/default?a=b") == 404
    assert await send(path, "1", target="/default/default/") == 202
    assert await send(path, "1", ce_specversion="9000.1") == 400
    assert await send(path, "", target="/default/other") == 400
    assert await send(path, "1", content_type="application/cloudevents-batch+json") == 400
    assert await send(path, "1", data=io.BytesIO(b"x" * (5 << 20))) == 413
    assert await send(path, "1", ce_knativebrokerttl="1") == 400
    assert await send(path, "1", host=channel, target="/") == 404
    assert await send(path, "1", host=channel, target="/x") == 400
    async with aiohttp.ClientSession() as session:
        for method, status in (("OPTIONS", 200), ("GET", 405), ("PUT", 405)):
            url, headers = f"{path.url}/default/default", {"host": BROKER_HOST}
            async with session.request(method, url, headers=headers) as answer:
                assert answer.status == status
                assert answer.headers["allow"] == "POST, OPTIONS"


async def test_replies_go_round_until_their_time_is_up(path: EventPath) -> None:
    """A subscriber that answers every event with another one ends after 255 passes."""
    stream, route = a_broker()

    async def echo(got: Received) -> web.Response:
        headers = {n: v for n, v in got.headers.items() if n.startswith("ce-")}
        return web.Response(body=got.body, headers=headers, content_type="application/json")

    async with subscriber(echo) as one:
        await path.use(Plan((stream,), (route,), (a_trigger(stream, "loop", one.url),)))
        await send(path, "1")
        await one.got(255)
        # The last answer is refused, and its event kept; one that comes after finds none between.
        await path.until(lambda state: any(s["kept"] == 1 for s in state["lanes"].values()))
        await send(path, "after", ce_knativebrokerttl="2")
        await path.until(lambda state: any(s["kept"] == 2 for s in state["lanes"].values()))
        assert [got.id for got in one.received] == ["1"] * 255 + ["after"]


async def test_only_what_a_trigger_wants_is_delivered(path: EventPath) -> None:
    stream, route = a_broker()
    async with subscriber() as exact, subscriber() as prefix, subscriber() as rest:
        await path.use(
            Plan(
                (stream,),
                (route,),
                (
                    a_trigger(
                        stream,
                        "exact",
                        exact.url,
                        filter={"attributes": {"type": "wanted", "ext": "v"}},
                        types=("wanted",),
                    ),
                    a_trigger(stream, "prefix", prefix.url, filters=({"prefix": {"type": "wa"}},)),
                    a_trigger(stream, "rest", rest.url),
                ),
            )
        )
        await send(path, "1", ce_type="wanted", ce_ext="v")
        await send(path, "2", ce_type="wanted")
        await send(path, "3", ce_type="other")
        await send(path, "4", ce_type="wanted", ce_ext="v")

        assert {got.id for got in await rest.got(4)} == {"1", "2", "3", "4"}
        assert {got.id for got in await prefix.got(3)} == {"1", "2", "4"}
        assert {got.id for got in await exact.got(2)} == {"1", "4"}


async def test_failures_are_retried_then_dead_lettered(path: EventPath) -> None:
    stream, route = a_broker()

    async def refuse(got: Received) -> web.Response:
        if got.id == "final":
            return web.Response(status=422, body=b"no good")
        return web.Response(status=503)

    async with subscriber(refuse) as bad, subscriber() as sink:
        trigger = a_trigger(stream, "bad", bad.url, retry=QUICK, dead_letter=sink.url)
        await path.use(Plan((stream,), (route,), (trigger,)))
        await send(path, "retried")
        (letter,) = await sink.got(1)
        await send(path, "final")
        final = (await sink.got(2))[1]

    assert [got.id for got in bad.received] == ["retried"] * 3 + ["final"]
    assert letter.headers["ce-knativeerrorcode"] == "503"
    assert letter.headers["ce-knativeerrordest"] == bad.url
    assert "ce-knativeerrordata" not in letter.headers
    assert letter.body == b'{"n":1}'
    assert final.headers["ce-knativeerrorcode"] == "422"
    assert base64.b64decode(final.headers["ce-knativeerrordata"]) == b"no good"


async def test_what_nobody_takes_is_kept(path: EventPath) -> None:
    """Nobody listens, and there is no dead letter sink: the event is among the dead letters."""
    stream, route = a_broker()
    trigger = a_trigger(stream, "gone", "http://127.0.0.1:1/", retry=QUICK)
    await path.use(Plan((stream,), (route,), (trigger,)))
    await send(path, "1")
    await path.until(lambda state: any(lane["kept"] for lane in state["lanes"].values()))

    store = HistoryStore.open(path.paths.history)
    # Hops are written by the by.
    await eventually(lambda: HopKind.KEPT in [hop.kind for hop in store.hops_of("1")])
    (letter,) = store.dead_letters()
    hops = store.hops_of("1")
    store.close()
    assert (letter.owner, letter.attempts, letter.status) == ("trigger/default/gone", 3, None)
    assert "connect to 127.0.0.1:1" in letter.reason
    assert [hop.kind for hop in hops] == [HopKind.ACCEPTED, *[HopKind.FAILED] * 3, HopKind.KEPT]


async def test_an_answer_that_is_no_event_is_a_failure_for_triggers_only(path: EventPath) -> None:
    stream, route = a_broker()
    memory = StreamPlan("wk_c_default_ch", "inmemorychannel/default/ch", "u", in_memory=True)
    host = "ch-kn-channel.default.svc"
    channel = RoutePlan(host, "/", memory.name, memory.owner)

    async def chat(_got: Received) -> web.Response:
        return web.Response(text="thank you")

    async with subscriber(chat) as one, subscriber() as sink:
        sub = SubscriptionPlan(
            memory.name,
            "s_one",
            "subscription/default/one",
            "u1",
            subscriber=TargetPlan(one.url),
            reply=TargetPlan(sink.url),
            dead_letter=TargetPlan(sink.url),
        )
        trigger = a_trigger(stream, "chatty", one.url, dead_letter=sink.url)
        await path.use(Plan((stream, memory), (route, channel), (trigger, sub)))
        assert await send(path, "channel", host=host, target="/") == 202
        await one.got(1)
        assert await send(path, "broker") == 202
        (letter,) = await sink.got(1)

    assert letter.id == "broker"
    assert letter.headers["ce-knativeerrorcode"] == "502"


async def test_channels_pass_replies_on_without_a_detour(path: EventPath) -> None:
    """Two channels in a row, as in a Sequence; the last answer goes to a plain URL."""
    streams = [
        StreamPlan(f"wk_c_default_{n}", f"inmemorychannel/default/{n}", f"u{n}", in_memory=True)
        for n in range(2)
    ]
    routes = [
        RoutePlan(f"{n}-kn-channel.default.svc", "/", s.name, s.owner)
        for n, s in enumerate(streams)
    ]

    async def step(got: Received) -> web.Response:
        headers = {n: v for n, v in got.headers.items() if n.startswith("ce-")}
        return web.Response(body=got.body + b"+", headers=headers)

    async with subscriber(step) as one, subscriber() as end:
        targets = ["http://1-kn-channel.default.svc.cluster.local", end.url]
        subs = tuple(
            SubscriptionPlan(
                s.name,
                f"s{n}",
                f"subscription/default/s{n}",
                f"v{n}",
                subscriber=TargetPlan(one.url),
                reply=TargetPlan(targets[n]),
            )
            for n, s in enumerate(streams)
        )
        await path.use(Plan(tuple(streams), tuple(routes), subs))
        await send(path, "1", host="0-kn-channel.default.svc.cluster.local", target="/", data=b"d")
        (got,) = await end.got(1)
    assert (got.id, got.body) == ("1", b"d++")


async def test_a_reply_has_retries_of_its_own(path: EventPath) -> None:
    """A subscriber that took an event of a Channel does not get it again for its reply."""
    stream = StreamPlan("wk_c_default_ch", "inmemorychannel/default/ch", "u", in_memory=True)
    host = "ch-kn-channel.default.svc"

    async def answer(_got: Received) -> web.Response:
        if len(one.received) == 1:
            return web.Response(status=503)
        headers = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/r", "ce-type": "r"}
        return web.Response(headers=headers)

    async def busy_once(_got: Received) -> web.Response:
        return web.Response(status=503 if len(end.received) == 1 else 202)

    async with subscriber(answer) as one, subscriber(busy_once) as end:
        sub = SubscriptionPlan(
            stream.name,
            "s",
            "subscription/default/s",
            "v",
            subscriber=TargetPlan(one.url),
            reply=TargetPlan(end.url),
            dead_letter=TargetPlan(end.url),
            retry=RetryPolicy(1),
        )
        await path.use(Plan((stream,), (RoutePlan(host, "/", stream.name, stream.owner),), (sub,)))
        assert await send(path, "1", host=host, target="/") == 202
        assert [got.id for got in await end.got(2)] == ["r", "r"]
        assert len(one.received) == 2


async def test_the_control_plane_hears_what_came_in_and_what_was_replied(path: EventPath) -> None:
    processes, news = EventProcesses(path.paths, lambda: 1), asyncio.Event()
    processes.on_state = lambda _: news.set()
    stream, route = a_broker()
    wanted = {("broker", "test.event"), ("trigger", "replied")}

    def seen() -> set[tuple[str, str]]:
        return {(kind.owner.partition("/")[0], kind.type) for kind in processes.observed_types}

    async def answer(got: Received) -> web.Response:
        if got.id == "r":
            return web.Response(status=204)
        headers = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/r", "ce-type": "replied"}
        return web.Response(headers=headers)

    async with subscriber(answer) as one:
        await path.use(Plan((stream,), (route,), (a_trigger(stream, "all", one.url),)))
        assert await send(path, "1") == 202
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            processes.listen(group)
            while not wanted <= seen():
                news.clear()
                await news.wait()
            processes.wanted = 0
            processes.listen(group)


async def test_a_dead_subscriber_does_not_hold_others_up(path: EventPath) -> None:
    stream, route = a_broker()

    release = asyncio.Event()

    async def hang(_got: Received) -> web.Response:
        await release.wait()
        return web.Response()

    async with subscriber(hang) as dead, subscriber() as good:
        await path.use(
            Plan(
                (stream,),
                (route,),
                (
                    a_trigger(stream, "dead", dead.url, retry=RetryPolicy(100)),
                    a_trigger(stream, "good", good.url),
                ),
            )
        )
        for number in range(300):
            assert await send(path, str(number)) == 202
        assert len(await good.got(300)) == 300
        release.set()


async def test_order_is_kept_where_asked(path: EventPath) -> None:
    stream, route = a_broker()
    failed: set[str] = set()

    async def stumble(got: Received) -> web.Response:
        await asyncio.sleep(0.002 if int(got.id) % 3 else 0)
        if int(got.id) % 7 == 0 and got.id not in failed:
            failed.add(got.id)
            return web.Response(status=503)
        return web.Response()

    async with subscriber(stumble) as one, subscriber(stumble) as two:
        await path.use(
            Plan(
                (stream,),
                (route,),
                (
                    a_trigger(stream, "line", one.url, order="trigger", retry=QUICK),
                    a_trigger(stream, "keys", two.url, order="key", retry=QUICK),
                ),
            )
        )
        for number in range(60):
            await send(path, str(number), ce_partitionkey=str(number % 5))
        for who in (one, two):  # some come twice
            while len({got.id for got in who.received}) < 60:
                await who.got(len(who.received) + 1)

    for who in (one, two):
        order = list(dict.fromkeys(got.id for got in who.received))
        lines = [order] if who is one else [[i for i in order if int(i) % 5 == k] for k in range(5)]
        for line in lines:
            assert line == sorted(line, key=int)


async def test_a_trigger_made_again_goes_on_where_it_stopped(path: EventPath) -> None:
    stream, route = a_broker(history_bytes=1 << 20)
    async with subscriber() as one:
        trigger = a_trigger(stream, "t", one.url, keep_seconds=3600)
        await path.use(Plan((stream,), (route,), (trigger,)))
        await send(path, "before")
        await one.got(1)
        await path.use(Plan((stream,), (route,)))
        await send(path, "between")
        await path.use(Plan((stream,), (route,), (trigger,)))
        assert [got.id for got in await one.got(2)] == ["before", "between"]

        again = a_trigger(stream, "t", one.url, keep_seconds=3600, start="beginning")
        await path.use(Plan((stream,), (route,), (again,)))
        assert [got.id for got in await one.got(4)][2:] == ["before", "between"]
