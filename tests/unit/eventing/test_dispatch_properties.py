"""No accepted event is lost, none reaches a wrong subscriber, and order is kept where asked.

Hypothesis chooses Triggers, events, what subscribers answer, and when the dispatcher dies (as
``kill -9`` does: nothing it held is given back, nothing it was about to say is said). The
dispatcher, its lanes, filters and retries are the real ones; bus and clock are of memory.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wakeful.aio import ManualClock
from wakeful.cloudevents import Event, from_http
from wakeful.eventbus import EventBus, Message, Subscription
from wakeful.eventbus.memory import MemoryBus
from wakeful.eventing.delivery import BackoffPolicy, Response, RetryPolicy, UnreachableError
from wakeful.eventing.dispatcher.deliver import Courier
from wakeful.eventing.dispatcher.dispatcher import Dispatcher, consumers_of
from wakeful.eventing.dispatcher.lane import Tools
from wakeful.eventing.history import DeadLetter, NoRecorder
from wakeful.eventing.ingress.ingress import Ingress
from wakeful.eventing.plan.model import Plan, SubscriptionPlan, TargetPlan
from wakeful.eventing.worker.keeper import consumer_config, stream_config
from wakeful.testing.eventing import a_broker
from wakeful.testing.waiting import eventually

TYPES, KEYS = ("a", "b", "ab"), ("x", "y", "z")
NOBODY = 0
"""In place of a status: there is no answer."""
STREAM, ROUTE = a_broker()
ACK_WAIT_SECONDS = 0.03
"""Where somebody dies. Elsewhere it is long: a busy machine stops for as much as this, too."""


@dataclass(frozen=True)
class Sent:
    """An event to send: its type and key."""

    type: str
    key: str


@dataclass(frozen=True)
class Wish:
    """A Trigger, and what its subscriber answers, attempt by attempt; then it takes everything."""

    prefix: str
    exact: str
    order: str
    retries: int
    has_dead_letter_sink: bool
    answers: tuple[int, ...]

    def wants(self, event: Event) -> bool:
        return event.type.startswith(self.prefix) and self.exact in ("", event.type)


WISHES = st.builds(
    Wish,
    prefix=st.sampled_from(("", "a")),
    exact=st.sampled_from(("", *TYPES)),
    order=st.sampled_from(("", "trigger", "key")),
    retries=st.integers(0, 2),
    has_dead_letter_sink=st.booleans(),
    answers=st.lists(st.sampled_from((200, 200, 500, 503, 404, 400, NOBODY)), max_size=8).map(
        tuple
    ),
)
EVENTS = st.lists(
    st.builds(Sent, type=st.sampled_from(TYPES), key=st.sampled_from(KEYS)), min_size=1, max_size=8
)


class QuickClock(ManualClock):
    """Sleeping moves time on instead of taking any."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds
        await asyncio.sleep(0)


class Mortal:
    """A bus as one process has it: once that is dead, nothing it says is heard any more."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus, self.alive = bus, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def subscribe(self, stream: str, consumer: str) -> Subscription:
        return _MortalSubscription(self, await self._bus.subscribe(stream, consumer))


class _MortalSubscription:
    def __init__(self, life: Mortal, inner: Subscription) -> None:
        self._life, self._inner = life, inner

    async def fetch(self, most: int) -> Sequence[Message]:
        return [_MortalMessage(self._life, m) for m in await self._inner.fetch(most)]

    async def aclose(self) -> None:
        return


class _MortalMessage:
    def __init__(self, life: Mortal, inner: Message) -> None:
        self._life, self._inner = life, inner
        self.subject, self.data, self.sequence = inner.subject, inner.data, inner.sequence
        self.deliveries, self.timestamp = inner.deliveries, inner.timestamp

    async def ack(self) -> None:
        if self._life.alive:
            await self._inner.ack()

    async def term(self) -> None:
        if self._life.alive:
            await self._inner.term()

    async def nak(self, delay_seconds: float = 0) -> None:
        if self._life.alive:
            await self._inner.nak(delay_seconds)

    async def in_progress(self) -> None:
        if self._life.alive:
            await self._inner.in_progress()


@dataclass
class Subscribers:
    """Plays every subscriber and dead letter sink; an address names its Trigger."""

    wishes: Sequence[Wish]
    took: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    letters: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    calls: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    deaths: set[int] = field(default_factory=set)
    """Numbers of requests, counted over all, in whose middle the process dies."""
    died: asyncio.Event = field(default_factory=asyncio.Event)
    _count: itertools.count[int] = field(default_factory=itertools.count)

    async def post(
        self, url: str, headers: Iterable[tuple[str, str]], body: bytes, **_: object
    ) -> Response:
        kind, number = url.removeprefix("http://").split("/")
        trigger, event = int(number), from_http(dict(headers), body)
        dies = next(self._count) in self.deaths
        if not self.wishes[trigger].wants(event) or "knativebrokerttl" in event.extensions:
            self.wrong.append(f"{event.type} for {self.wishes[trigger]}")
        await asyncio.sleep(0)
        status = 200
        if kind == "letters":
            self.letters[trigger].append(event)
        else:
            answers, call = self.wishes[trigger].answers, self.calls[trigger]
            self.calls[trigger] += 1
            status = answers[call] if call < len(answers) else 200
            if status == 200:
                self.took[trigger].append(event)
        if dies:
            self.died.set()
            await asyncio.Event().wait()
        if status == NOBODY:
            raise UnreachableError("nobody listens")
        return Response(status)

    def keep(self, letter: DeadLetter) -> int:
        self.kept[int(letter.owner.rpartition("/")[2])].append(letter.event_id)
        return 1


def plan_of(wishes: Sequence[Wish]) -> Plan:
    def one(number: int, wish: Wish) -> SubscriptionPlan:
        filters: list[dict[str, Any]] = [{"prefix": {"type": wish.prefix}}] if wish.prefix else []
        if wish.exact:
            filters.append({"exact": {"type": wish.exact}})
        letters = TargetPlan(f"http://letters/{number}") if wish.has_dead_letter_sink else None
        return SubscriptionPlan(
            STREAM.name,
            f"t_{number}",
            f"trigger/default/{number}",
            f"uid-{number}",
            subscriber=TargetPlan(f"http://subscriber/{number}"),
            dead_letter=letters,
            retry=RetryPolicy(wish.retries, BackoffPolicy.EXPONENTIAL, 0.2),
            is_trigger=True,
            filters=tuple(filters),
            types=(wish.exact,) if wish.exact else None,
            order=wish.order,
            start="beginning",
        )

    subscriptions = tuple(one(number, wish) for number, wish in enumerate(wishes))
    return Plan((STREAM,), (ROUTE,), subscriptions)


async def prepare(bus: MemoryBus, plan: Plan, *, ack_wait_seconds: float) -> None:
    await bus.ensure_stream(stream_config(STREAM))
    for subscription in plan.subscriptions:
        for partition, name in enumerate(consumers_of(subscription)):
            of_key = partition if subscription.order == "key" else None
            config = consumer_config(STREAM, subscription, name, of_key)
            await bus.ensure_consumer(
                STREAM.name, replace(config, ack_wait_seconds=ack_wait_seconds)
            )


async def send(bus: MemoryBus, plan: Plan, events: Sequence[Sent]) -> None:
    ingress = Ingress(bus, QuickClock(), NoRecorder())
    ingress.use(plan)
    for number, sent in enumerate(events):
        event = Event(
            id=str(number), source="/s", type=sent.type, extensions={"partitionkey": sent.key}
        )
        answer = await ingress.take(ROUTE, event, [])
        assert answer.status == 202


async def dispatch(bus: MemoryBus, plan: Plan, subscribers: Subscribers) -> None:
    """Run one dispatcher after another until all is done; each lives until it is killed."""
    while True:
        life = Mortal(bus)
        subscribers.died.clear()
        dispatcher = Dispatcher(tools(life, subscribers))
        dispatcher.use(plan)
        death = asyncio.create_task(subscribers.died.wait())
        end = asyncio.create_task(all_done(bus))
        await asyncio.wait({death, end}, return_when=asyncio.FIRST_COMPLETED)
        is_done = end.done()
        life.alive = is_done
        for task in (death, end):
            task.cancel()
        await dispatcher._drain(0)
        if is_done:
            return


def tools(bus: EventBus, subscribers: Subscribers) -> Tools:
    clock = QuickClock()
    ingress = Ingress(bus, clock, NoRecorder())
    courier = Courier(subscribers, ingress, NoRecorder())
    return Tools(bus, courier, NoRecorder(), subscribers.keep, clock)


async def all_done(bus: MemoryBus) -> None:
    async def is_nothing_left() -> bool:
        consumers = await bus.consumers(STREAM.name)
        return not any(c.pending or c.ack_pending for c in consumers)

    await eventually(is_nothing_left, every=0.002)


def first_times(ids: Iterable[str]) -> list[int]:
    """Each id where it comes first; what was seen twice after a death does not count again."""
    return [int(event_id) for event_id in dict.fromkeys(ids)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    wishes=st.lists(WISHES, min_size=1, max_size=3),
    events=EVENTS,
    deaths=st.sets(st.integers(0, 12), max_size=2),
)
def test_every_event_ends_where_it_belongs(
    wishes: list[Wish], events: list[Sent], deaths: set[int]
) -> None:
    """Taken by its subscriber, or by its dead letter sink, or kept; by nobody else; in order."""
    subscribers = Subscribers(wishes, deaths=deaths)

    async def run() -> None:
        plan = plan_of(wishes)
        async with MemoryBus() as bus:
            await prepare(bus, plan, ack_wait_seconds=ACK_WAIT_SECONDS if deaths else 60)
            await send(bus, plan, events)
            async with asyncio.timeout(60):
                await dispatch(bus, plan, subscribers)

    asyncio.run(run())

    assert subscribers.wrong == []
    for number, wish in enumerate(wishes):
        wanted = {
            str(i)
            for i, sent in enumerate(events)
            if wish.wants(Event(id="", source="", type=sent.type))
        }
        took = [event.id for event in subscribers.took[number]]
        letters = [event.id for event in subscribers.letters[number]]
        kept = subscribers.kept[number]
        assert {*took, *letters, *kept} == wanted, wish
        assert not kept or not wish.has_dead_letter_sink
        if not deaths:
            assert sorted([*took, *letters, *kept]) == sorted(wanted), "nothing comes twice"
        if wish.order == "trigger":
            assert first_times(took) == sorted(first_times(took))
        elif wish.order == "key":
            for key in KEYS:
                of_key = first_times(i for i in took if events[int(i)].key == key)
                assert of_key == sorted(of_key)
