"""The ingress: takes events over HTTP and from the dispatcher, and answers once they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from wakeful.aio import Clock
from wakeful.cloudevents import Event
from wakeful.eventbus import BusError, BusUnavailableError, NoStreamError, StreamFullError
from wakeful.eventing.frame import ForwardedHeaders, pack
from wakeful.eventing.history.records import Hop, HopKind, Recorder
from wakeful.eventing.ingress.http import MAX_BODY_BYTES, Reply, Request
from wakeful.eventing.ingress.rules import (
    Answer,
    IngressError,
    Routes,
    accept,
    admit,
    answer_without_event,
    find_route,
    plain_host,
)
from wakeful.eventing.ingress.seentypes import SeenTypes
from wakeful.eventing.plan.model import Plan, RoutePlan
from wakeful.eventing.plan.subjects import subject_of

_PATIENCE_SECONDS = 10.0
"""So long a sender is kept waiting while the event server is away."""
_RETRY_SECONDS = 0.05
_ACCEPTED = Answer(HTTPStatus.ACCEPTED)
_ACCEPTED_REPLY = Reply(HTTPStatus.ACCEPTED)


class Publisher(Protocol):
    """What the ingress needs of the event bus."""

    async def publish(self, subject: str, data: bytes) -> int:
        """Return once the message is stored."""
        ...


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    accepted: int = 0
    refused: int = 0
    unavailable: int = 0


@dataclass(slots=True)
class Ingress:
    """Decides, stamps, stores, answers. The plan may be replaced at any time."""

    bus: Publisher
    clock: Clock
    recorder: Recorder
    counters: Counters = field(default_factory=Counters)
    types: SeenTypes = field(default_factory=SeenTypes)
    _routes: Routes = field(default_factory=Routes)
    _prefixes: Mapping[str, str] = field(default_factory=dict)

    def use(self, plan: Plan) -> None:
        """Serve the routes of this plan from now on."""
        self._routes = Routes.of(plan.routes)
        self._prefixes = {stream.name: stream.subject for stream in plan.streams}

    async def handle(self, request: Request) -> Reply:
        """Answer one request."""
        answer = await self._answer(request)
        if answer is _ACCEPTED:
            return _ACCEPTED_REPLY
        if answer.status >= HTTPStatus.BAD_REQUEST:
            self.counters.refused += 1
        return Reply(answer.status, answer.headers, answer.body)

    async def _answer(self, request: Request) -> Answer:
        host = ""
        for name, value in request.headers:
            if name == "host":
                host = plain_host(value)
                break
        early = answer_without_event(request.method, host, request.target)
        if early is not None:
            return early
        try:
            accepted = accept(
                self._routes,
                host,
                request.target,
                request.headers,
                request.body,
                self.clock.now(),
            )
        except IngressError as error:
            return error.answer
        return await self._store(accepted.route, accepted.event, accepted.forwarded)

    def route_of(self, host: str, target: str) -> RoutePlan | None:
        """The route of a URL's host and target, if this ingress has it."""
        return find_route(self._routes, plain_host(host), target)

    async def take(self, route: RoutePlan, event: Event, forwarded: ForwardedHeaders) -> Answer:
        """Accept an event without HTTP: what the dispatcher sends to a Broker or channel."""
        try:
            stamped = admit(route, event, self.clock.now())
        except IngressError as error:
            return error.answer
        return await self._store(route, stamped, forwarded)

    async def _store(self, route: RoutePlan, event: Event, forwarded: ForwardedHeaders) -> Answer:
        prefix = self._prefixes.get(route.stream)
        if prefix is None:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{route.owner} is being prepared")
        message = pack(event, forwarded)
        if len(message) > MAX_BODY_BYTES + 65536:
            return Answer(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an event has at most {MAX_BODY_BYTES} bytes"
            )
        try:
            sequence = await self._publish(subject_of(prefix, event), message)
        except StreamFullError:
            self.counters.unavailable += 1
            return Answer(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{route.owner} is full: its subscribers do not keep up",
                (("retry-after", "5"),),
            )
        except BusError as error:
            self.counters.unavailable += 1
            return Answer(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{route.owner} cannot store events now: {error}",
                (("retry-after", "1"),),
            )
        self.counters.accepted += 1
        self.types.see(route.owner, event)
        if self.recorder.wants(HopKind.ACCEPTED):
            self.recorder.record(
                Hop(HopKind.ACCEPTED, route.owner, event.id, event.source, event.type, sequence)
            )
        return _ACCEPTED

    async def _publish(self, subject: str, message: bytes) -> int:
        """Publish; while nobody answers, try again for a while.

        A message may be stored twice when its acknowledgement was lost.
        """
        try:
            return await self.bus.publish(subject, message)
        except (BusUnavailableError, NoStreamError):
            deadline = self.clock.monotonic() + _PATIENCE_SECONDS
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                return await self.bus.publish(subject, message)
            except (BusUnavailableError, NoStreamError):
                if self.clock.monotonic() >= deadline:
                    raise
