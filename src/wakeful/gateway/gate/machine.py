"""One revision at the gate, as a state machine: events and the time in, effects out, no I/O.

::

    ASLEEP    nobody ready      ── request arrives ──> STARTING, one poke for all that are held
    STARTING  waiting           ── instance acknowledged ──> AWAKE, held ones are let go
                                ── start failed ──> all held are denied, ASLEEP
    AWAKE     instances ready   ── last instance withdrawn ──> ASLEEP, or STARTING if some are held

With a concurrency limit, being let go takes a slot of one instance; the slot comes back when the
response has ended. Requests queue here, in one line, and never behind a busy instance. Without one,
a gate that is in the path for another reason names the least busy instance and holds nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from wakeful.gateway.plan import Endpoint, RevisionBackend

QUEUE_LIMIT = 10_000
"""Requests one revision may keep waiting; beyond it they are refused at once."""
MAX_HOPS = 40
"""How often one request is let go before we admit that nobody can be reached."""
_ON_THE_WAY_SECONDS = 0.5
"""How long after it was let go a request may be missing from what Envoy counts at its instance."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5
_GOLDEN = 0.618034
"""Multiples of this spread evenly, however many there are."""


class Phase(StrEnum):
    """Where a revision is on its way between zero and serving."""

    ASLEEP = "Asleep"
    STARTING = "Starting"
    AWAKE = "Awake"


@dataclass(frozen=True, slots=True)
class Grant:
    """Let the request go; to this very instance when one is named."""

    ticket: int
    endpoint: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """Answer the request ourselves."""

    ticket: int
    status: HTTPStatus
    body: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Call ``resume`` for the ticket after ``seconds``; its last release reached nobody."""

    ticket: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Poke:
    """Ask for an instance."""


Effect = Grant | Deny | Pause | Poke


@dataclass(frozen=True, slots=True)
class GateCounts:
    """What one revision has at the gate; areas are request-seconds since the beginning."""

    held: int
    running: int
    arrived_total: int
    held_area: float
    running_area: float
    held_until: float
    """When somebody was held last; now, if somebody is."""


class RevisionGate:
    """Holds requests of one revision until an instance may have them."""

    def __init__(self, backend: RevisionBackend, *, recovering: bool = False) -> None:
        self._backend = backend
        self._phase = Phase.ASLEEP
        self._ready: dict[Endpoint, int] = {}
        """Acknowledged instances and when they last got a request, as a counter."""
        self._used: dict[Endpoint, int] = {}
        self._foreign: dict[Endpoint, int] = {}
        """Requests in flight that a control plane before us let go, at most."""
        self._learned_at = 0.0
        self._report: tuple[float, Mapping[Endpoint, int]] = (0.0, {})
        self._since: dict[int, float] = {}
        """When requests were let go beside such ones."""
        self._early: set[Endpoint] = set()
        """Of the ready ones, those that Envoy lists and does not choose by itself yet."""
        self._recovering = recovering and backend.limited
        self._queue: OrderedDict[int, None] = OrderedDict()
        self._paused: set[int] = set()
        """Came back, and wait for their time to be the first in line again."""
        self._running: dict[int, Endpoint | None] = {}
        self._grants = 0
        self._arrived = 0
        self._held_area = 0.0
        self._running_area = 0.0
        self._held_until = 0.0
        self._starting_at = 0.0
        self._last_change = 0.0

    @property
    def backend(self) -> RevisionBackend:
        """The limits in force."""
        return self._backend

    @property
    def phase(self) -> Phase:
        """Where the revision is."""
        return self._phase

    @property
    def held(self) -> int:
        """Requests that wait."""
        return len(self._queue) + len(self._paused)

    @property
    def is_busy(self) -> bool:
        """Whether any request waits or is on its way."""
        return bool(self.held or self._running)

    @property
    def ready(self) -> frozenset[Endpoint]:
        """Instances that every Envoy knows."""
        return frozenset(self._ready)

    def in_flight(self, endpoint: Endpoint) -> int:
        """Slots of one instance that are taken."""
        return self._used.get(endpoint, 0) + self._foreign.get(endpoint, 0)

    def counts(self, now: float) -> GateCounts:
        """Exact numbers as of ``now``."""
        self._account(now)
        return GateCounts(
            self.held,
            len(self._running),
            self._arrived,
            self._held_area,
            self._running_area,
            self._held_until,
        )

    def configure(self, backend: RevisionBackend, now: float) -> list[Effect]:
        """Take new limits; more room lets waiting requests go at once."""
        self._account(now)
        self._backend = backend
        return self._grant()

    def arrive(
        self,
        ticket: int,
        now: float,
        *,
        hop: int = 0,
        before: int | None = None,
        late: float = 0.0,
    ) -> list[Effect]:
        """A request came; ``hop`` says how often it was let go before without reaching anybody.

        ``before`` is its ticket of the last time, where that named an instance. A thread of Envoy
        that does not know the instance (any more) sends the request to the gate again, inside of
        what it was let go as: nobody works on it, so that its slot is free from now on. It would
        otherwise wait for its own slot. ``late`` is how many seconds ago it really came: with fifty
        at once the last is heard of when the first has waited for a while, and so has the last.
        """
        self._account(now)
        if hop >= MAX_HOPS:
            return [
                Deny(
                    ticket,
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    f"no instance of revision {str(self._backend.key)!r} can be reached",
                    "gate_loop",
                )
            ]
        if not hop and self.held >= QUEUE_LIMIT:
            return [
                Deny(
                    ticket,
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "pending request queue full",
                    "queue_full",
                )
            ]
        if not hop:
            self._arrived += 1
        self._end(before)
        if hop and self._ready:
            self._paused.add(ticket)
            return [Pause(ticket, _pause(ticket, hop)), *self._grant()]
        self._queue[ticket] = None
        effects = self._wake()
        if self._phase is Phase.STARTING:
            self._held_area += min(max(late, 0.0), now - self._starting_at)
        return [*effects, *self._grant()]

    def resume(self, ticket: int, now: float) -> list[Effect]:
        """A paused request may try again."""
        self._account(now)
        if ticket not in self._paused:
            return []
        self._unpause([ticket])
        return [*self._wake(), *self._grant()]

    def leave(self, ticket: int, now: float) -> list[Effect]:
        """The request is over: answered, given up by its client, or denied by its deadline."""
        self._account(now)
        self._queue.pop(ticket, None)
        self._paused.discard(ticket)
        self._end(ticket)
        return self._grant()

    def offer(self, endpoints: Iterable[Endpoint], now: float) -> list[Effect]:
        """Every Envoy has acknowledged exactly these instances."""
        self._account(now)
        self._ready = {endpoint: self._ready.get(endpoint, 0) for endpoint in endpoints}
        self._early.clear()
        return self._awaken() if self._ready else self._sleep()

    def let_go(self, endpoint: Endpoint, now: float) -> list[Effect]:
        """An instance is ready that every Envoy lists, but does not choose by itself yet."""
        self._account(now)
        self._ready.setdefault(endpoint, 0)
        self._early.add(endpoint)
        return self._awaken()

    def withdraw(self, keep: Iterable[Endpoint], now: float) -> list[Effect]:
        """Stop sending to all but ``keep``, before Envoy is told to."""
        self._account(now)
        kept = frozenset(keep)
        self._ready = {e: last for e, last in self._ready.items() if e in kept}
        self._early &= kept
        return [] if self._ready else self._sleep()

    def fail(self, reason: str, now: float) -> list[Effect]:
        """No instance is going to come: everybody held hears why."""
        self._account(now)
        if self._ready:
            return []
        self._phase = Phase.ASLEEP
        denied: list[Effect] = [
            Deny(ticket, HTTPStatus.SERVICE_UNAVAILABLE, reason, "start_failed")
            for ticket in sorted([*self._queue, *self._paused])
        ]
        self._paused.clear()
        self._queue.clear()
        return denied

    def recover(self, in_progress: Mapping[Endpoint, int], now: float) -> list[Effect]:
        """Learn from Envoy what is in flight without our knowing; the count can only shrink."""
        self._account(now)
        if self._recovering:  # nothing of what is counted is ours
            self._recovering, self._learned_at = False, now
            self._foreign = {endpoint: count for endpoint, count in in_progress.items() if count}
        elif self._foreign:
            left = {e: min(n, self._not_ours(e, in_progress)) for e, n in self._foreign.items()}
            limit = self._backend.timeout_seconds
            over = limit and now - self._learned_at > limit + _ON_THE_WAY_SECONDS
            self._foreign = {} if over else {e: count for e, count in left.items() if count}
        if not self._foreign:
            self._since.clear()
        self._report = (now, in_progress)
        return self._grant()

    def finish_recovery(self, now: float) -> list[Effect]:
        """Whatever Envoy did not tell of until now is not there."""
        return self.recover({}, now) if self._recovering else []

    def _not_ours(self, endpoint: Endpoint, in_progress: Mapping[Endpoint, int]) -> int:
        """How many of the requests at an instance are not ours, at most.

        What Envoy counts and what we know are of different moments: a request may be on its way to
        the instance, or over without our knowing. Certainly counted are those that went well before
        a report and are there yet when the next one comes.
        """
        if not self._used.get(endpoint):
            return in_progress.get(endpoint, 0)
        at, before = self._report
        ours = sum(
            self._running.get(ticket) == endpoint
            for ticket, since in self._since.items()
            if since <= at - _ON_THE_WAY_SECONDS
        )
        return max(0, before.get(endpoint, 0) - ours)

    def _wake(self) -> list[Effect]:
        if self._ready or self._phase is Phase.STARTING:
            return []
        self._phase, self._starting_at = Phase.STARTING, self._last_change
        return [Poke()]

    def _awaken(self) -> list[Effect]:
        self._phase = Phase.AWAKE
        self._unpause(self._paused)
        return self._grant()

    def _sleep(self) -> list[Effect]:
        if self._phase is Phase.AWAKE:
            self._phase = Phase.ASLEEP
        self._unpause(self._paused)
        return self._wake() if self._queue else []

    def _unpause(self, tickets: Iterable[int]) -> None:
        """Put them first in line: they had their turn before everybody who waits."""
        for ticket in sorted(tickets, reverse=True):
            self._paused.discard(ticket)
            self._queue[ticket] = None
            self._queue.move_to_end(ticket, last=False)

    def _grant(self) -> list[Effect]:
        granted: list[Effect] = []
        while self._queue and self._ready:
            named = self._backend.picked or bool(self._early)
            endpoint = self._pick() if named else None
            if named and endpoint is None:
                break
            ticket, _ = self._queue.popitem(last=False)
            self._running[ticket] = endpoint
            if self._foreign:
                self._since[ticket] = self._last_change
            granted.append(Grant(ticket, endpoint))
        return granted

    def _pick(self) -> Endpoint | None:
        """Take a slot of the least busy instance; among equals the one that rested longest."""
        if self._recovering:
            return None
        best = min(self._ready, key=lambda e: (self.in_flight(e), self._ready[e]))
        limit = self._backend.container_concurrency
        if limit and self.in_flight(best) >= limit:
            return None
        self._grants += 1
        self._ready[best] = self._grants
        self._used[best] = self._used.get(best, 0) + 1
        return best

    def _end(self, ticket: int | None) -> None:
        """Nobody works any more on what was let go with this ticket."""
        if self._since and ticket is not None:
            self._since.pop(ticket, None)
        if ticket is None or (endpoint := self._running.pop(ticket, None)) is None:
            return
        left = self._used[endpoint] - 1
        if left:
            self._used[endpoint] = left
        else:
            del self._used[endpoint]

    def _account(self, now: float) -> None:
        elapsed = now - self._last_change if self._last_change else 0.0
        if elapsed > 0:
            self._held_area += elapsed * self.held
            self._running_area += elapsed * len(self._running)
            if self.held:
                self._held_until = now
        self._last_change = now


def _pause(ticket: int, hop: int) -> float:
    """Seconds until a returned request tries again: more each time, and not all at once."""
    length = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (hop - 1))
    return float(length * (0.75 + ticket * _GOLDEN % 0.5))
