"""The gate's ext_proc service: Envoy asks about each held request and keeps the stream open.

The stream opens with the request and closes when its response has ended, so that what is held and
what runs is known exactly. Decisions are the machine's; here are only streams and timers.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import grpc
import structlog
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc_pb2

from wakeful.aio import Clock, SystemClock
from wakeful.autoscaler import Poke
from wakeful.gateway.gate.machine import (
    Deny,
    Effect,
    GateCounts,
    Grant,
    Pause,
    Phase,
    RevisionGate,
)
from wakeful.gateway.gate.messages import (
    TRAILERS_SEEN,
    Question,
    make_denial,
    make_release,
    parse_question,
    with_ticket,
    with_timing,
)
from wakeful.gateway.plan import Endpoint, RevisionBackend, RevisionKey

log = structlog.get_logger("wakeful.gateway.gate")

_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
_METHOD = "Process"
_REPOKE_SECONDS = 1.0

Timing = Callable[[str, str], str]
"""What requests for a revision (namespace, name) that are let go now waited for, or nothing, as
``Server-Timing`` says it; asked in the gateway's thread."""


@dataclass(slots=True)
class _Entry:
    gate: RevisionGate
    poked_at: float = 0.0


class Gate:
    """All revisions' gates behind one gRPC service."""

    def __init__(self, poke: Poke | None = None, clock: Clock | None = None) -> None:
        self._poker = poke
        self._timing: Timing = lambda _namespace, _revision: ""
        self._clock = clock or SystemClock()
        self._entries: dict[RevisionKey, _Entry] = {}
        self._active: set[RevisionKey] = set()
        """Revisions that had requests since ``take_active`` was last called."""
        self._verdicts: dict[int, asyncio.Future[Grant | Deny]] = {}
        self._tickets = itertools.count(1)
        self._realm = secrets.token_hex(4)
        """Tells our tickets from those of a control plane before us."""
        self._opened = asyncio.Event()
        self._recovering = False

    def handler(self) -> Any:
        """The gRPC service, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                _METHOD: grpc.stream_stream_rpc_method_handler(
                    self._process,
                    request_deserializer=ext_proc_pb2.ProcessingRequest.FromString,
                    response_serializer=ext_proc_pb2.ProcessingResponse.SerializeToString,
                )
            },
        )

    def connect_poke(self, poke: Poke) -> None:
        """Name who starts instances."""
        self._poker = poke

    def connect_timing(self, timing: Timing) -> None:
        """Name who knows what held requests waited for."""
        self._timing = timing

    def expect_recovery(self) -> None:
        """The Envoy we serve outlived another control plane: learn its load before granting slots.

        Applies to revisions configured from now on, until ``open``.
        """
        self._recovering = True

    def open(self) -> None:
        """Begin to decide: all revisions were configured."""
        self._recovering = False
        self._opened.set()

    def configure(self, backend: RevisionBackend) -> None:
        """Add a revision or change its limits."""
        entry = self._entries.get(backend.key)
        if entry is None:
            gate = RevisionGate(backend, recovering=self._recovering)
            self._entries[backend.key] = _Entry(gate)
        else:
            self._apply(entry, entry.gate.configure(backend, self._now()))

    def forget(self, key: RevisionKey) -> None:
        """The revision is gone; what it still holds is told so."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.gate.withdraw((), self._now())  # nobody is to be started for it any more
            self._apply(entry, entry.gate.fail(f"revision {str(key)!r} was deleted", self._now()))

    def offer(self, key: RevisionKey, endpoints: Iterable[Endpoint]) -> None:
        """Every Envoy has acknowledged exactly these instances as usable."""
        if entry := self._entries.get(key):
            self._apply(entry, entry.gate.offer(endpoints, self._now()))

    def let_go(self, key: RevisionKey, endpoint: Endpoint) -> None:
        """Every Envoy lists this instance, which is ready; requests that name it reach it."""
        if entry := self._entries.get(key):
            self._apply(entry, entry.gate.let_go(endpoint, self._now()))

    def withdraw(self, key: RevisionKey, keep: Iterable[Endpoint]) -> None:
        """Send nothing to instances outside ``keep`` from now on."""
        if entry := self._entries.get(key):
            self._apply(entry, entry.gate.withdraw(keep, self._now()))

    def fail(self, key: RevisionKey, reason: str) -> None:
        """Starting failed: answer 503 with ``reason`` to everyone who waits."""
        if entry := self._entries.get(key):
            self._apply(entry, entry.gate.fail(reason, self._now()))

    def recover(self, key: RevisionKey, in_progress: Mapping[Endpoint, int]) -> None:
        """Envoy's own count of requests at each instance."""
        if entry := self._entries.get(key):
            self._apply(entry, entry.gate.recover(in_progress, self._now()))

    def finish_recovery(self) -> None:
        """Envoy had its chance to report; whoever still waits for it goes on without."""
        for entry in self._entries.values():
            self._apply(entry, entry.gate.finish_recovery(self._now()))

    def counts(self, key: RevisionKey) -> GateCounts | None:
        """What a revision has at the gate now, or None for an unknown one."""
        entry = self._entries.get(key)
        return entry.gate.counts(self._now()) if entry is not None else None

    def phase(self, key: RevisionKey) -> Phase | None:
        """Where a revision is, or None for an unknown one."""
        entry = self._entries.get(key)
        return entry.gate.phase if entry is not None else None

    def ready(self, key: RevisionKey) -> frozenset[Endpoint]:
        """Instances requests are let go to."""
        entry = self._entries.get(key)
        return entry.gate.ready if entry is not None else frozenset()

    def is_gated(self, key: RevisionKey) -> bool:
        """Whether every request of the revision passes here."""
        entry = self._entries.get(key)
        return entry is not None and entry.gate.backend.gated

    def is_limited(self, key: RevisionKey) -> bool:
        """Whether every request has always passed here, so that nothing is in flight but ours."""
        entry = self._entries.get(key)
        return entry is not None and entry.gate.backend.limited

    def in_flight(self, key: RevisionKey, endpoint: Endpoint) -> int:
        """Slots of one instance that are taken."""
        entry = self._entries.get(key)
        return entry.gate.in_flight(endpoint) if entry is not None else 0

    def take_active(self) -> Collection[RevisionKey]:
        """Revisions that had requests here since the last call; the others' counts stand still."""
        active = self._active
        self._active = {
            key
            for key in active
            if (entry := self._entries.get(key)) is not None and entry.gate.is_busy
        }
        return active

    def keys(self) -> Iterable[RevisionKey]:
        """All configured revisions."""
        return self._entries.keys()

    async def run_pokes(self) -> None:
        """Ask again, every second, for what is still held: a poke may meet a restarting listener.

        Runs until cancelled.
        """
        while True:
            await self._clock.sleep(_REPOKE_SECONDS)
            now = self._now()
            for entry in [self._entries[key] for key in self._active if key in self._entries]:
                waits = entry.gate.held and entry.gate.phase is Phase.STARTING
                if waits and now - entry.poked_at >= _REPOKE_SECONDS:
                    self._poke(entry)

    async def _process(
        self,
        requests: AsyncIterator[ext_proc_pb2.ProcessingRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        await self._opened.wait()
        ticket = next(self._tickets)
        entry: _Entry | None = None
        try:
            async for message in requests:
                match message.WhichOneof("request"):
                    case "request_headers":
                        question = parse_question(message)
                        entry = self._entries.get(question.key)
                        await context.write(await self._decide(entry, question, ticket))
                    case "response_trailers":
                        await context.write(TRAILERS_SEEN)
                    case _:
                        log.warning("unexpected processing request", message=str(message)[:200])
        finally:
            self._verdicts.pop(ticket, None)
            if entry is not None:
                self._apply(entry, entry.gate.leave(ticket, self._now()))

    async def _decide(
        self, entry: _Entry | None, question: Question, ticket: int
    ) -> ext_proc_pb2.ProcessingResponse:
        key = question.key
        if entry is None:
            return make_denial(
                Deny(
                    ticket,
                    HTTPStatus.NOT_FOUND,
                    f'Error getting active endpoint: revision "{key}" not found',
                    "unknown_revision",
                )
            )
        self._active.add(key)
        verdict: asyncio.Future[Grant | Deny] = asyncio.get_running_loop().create_future()
        self._verdicts[ticket] = verdict
        before = self._number(question.before)
        late = self._clock.now().timestamp() - question.since if question.since else 0.0
        self._apply(
            entry,
            entry.gate.arrive(ticket, self._now(), hop=question.hop, before=before, late=late),
        )
        starting = entry.gate.phase is Phase.STARTING
        try:
            async with asyncio.timeout(_deadline(entry.gate.backend)):
                decision = await verdict
        except TimeoutError:
            self._apply(entry, entry.gate.leave(ticket, self._now()))
            decision = Deny(
                ticket, HTTPStatus.GATEWAY_TIMEOUT, "activator request timeout", "gate_timeout"
            )
        if isinstance(decision, Deny):
            return make_denial(decision)
        response = make_release(key, decision.endpoint, question.hop)
        if decision.endpoint is not None:
            response = with_ticket(response, f"{self._realm}-{ticket}")
        if question.timed and starting and (phases := self._timing(key.namespace, key.name)):
            response = with_timing(response, phases)
        return response

    def _number(self, ticket: str) -> int | None:
        """The number of a ticket that we gave."""
        realm, _, number = ticket.partition("-")
        return int(number) if realm == self._realm else None

    def _apply(self, entry: _Entry, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Grant | Deny):
                verdict = self._verdicts.get(effect.ticket)
                if verdict is not None and not verdict.done():
                    verdict.set_result(effect)
            elif isinstance(effect, Pause):
                asyncio.get_running_loop().call_later(
                    effect.seconds, self._resume, entry, effect.ticket
                )
            else:
                self._poke(entry)

    def _resume(self, entry: _Entry, ticket: int) -> None:
        self._apply(entry, entry.gate.resume(ticket, self._now()))

    def _poke(self, entry: _Entry) -> None:
        entry.poked_at = self._now()
        key = entry.gate.backend.key
        if self._poker is not None:
            self._poker.poke(key.namespace, key.name)

    def _now(self) -> float:
        return self._clock.monotonic()


def _deadline(backend: RevisionBackend) -> float | None:
    limits = [backend.timeout_seconds, backend.response_start_timeout_seconds]
    return min((limit for limit in limits if limit), default=None)
