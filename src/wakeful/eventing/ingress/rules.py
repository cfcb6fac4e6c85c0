"""What the ingress answers, and what it makes of an event before storing it. Pure.

The steps and their order are Knative's: a bad event is 400 even if its Broker does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

import orjson

from wakeful.cloudevents import (
    AttributeValue,
    CloudEventError,
    Event,
    UnsupportedFormatError,
    event_time,
    from_http,
)
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.plan.model import RoutePlan

BROKER_HOSTS = frozenset({"broker-ingress.knative-eventing.svc", "broker-ingress.knative-eventing"})
TTL = "knativebrokerttl"
ARRIVAL_TIME = "knativearrivaltime"
HISTORY = "knativehistory"
MAX_TTL = 255
_FORWARDED = frozenset({"x-request-id", "traceparent", "tracestate", "baggage"})
_FORWARDED_PREFIXES = ("knative-", "x-b3-")

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response without storing anything."""

    status: int
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """``{"error": …}``, as the ingress of every release answered; empty when there is none."""
        return orjson.dumps({"error": self.message}) if self.message else b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event to be stored."""

    route: RoutePlan
    event: Event
    forwarded: ForwardedHeaders


class IngressError(Exception):
    """A request that is not accepted."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


_ALLOW = ("allow", "POST, OPTIONS")
_WEBHOOK = (
    _ALLOW,
    ("webhook-allowed-origin", "*"),
    ("webhook-allowed-rate", "*"),
)


@dataclass(frozen=True, slots=True)
class Routes:
    """The addresses that take events, findable."""

    brokers: Mapping[str, RoutePlan] = field(default_factory=dict)
    channels: Mapping[str, RoutePlan] = field(default_factory=dict)

    @classmethod
    def of(cls, routes: Iterable[RoutePlan]) -> Routes:
        """Index a plan's routes."""
        routes = tuple(routes)
        return cls(
            {route.path: route for route in routes if route.is_broker},
            {route.host: route for route in routes if not route.is_broker},
        )


def plain_host(host: str) -> str:
    """A Host header in lower case, without port and cluster domain."""
    host = host.lower()
    if ":" in host:
        host = host.rpartition(":")[0]
    return host.removesuffix(".cluster.local")


def answer_without_event(method: str, host: str, target: str) -> Answer | None:
    """The answer to a request that no event has to be read for, if it is one."""
    if method == "OPTIONS":
        return Answer(HTTPStatus.OK, headers=_WEBHOOK)
    if method != "POST":
        return Answer(
            HTTPStatus.METHOD_NOT_ALLOWED, f"method {method} is not allowed, only POST", (_ALLOW,)
        )
    if host in BROKER_HOSTS:
        if target == "/":
            return Answer(HTTPStatus.NOT_FOUND, "a broker's path is /namespace/name")
        if len(target.removesuffix("/").split("/")) != 3:
            return Answer(
                HTTPStatus.BAD_REQUEST, f"path {target!r} is not of the form /namespace/name"
            )
    elif not target.startswith(("/?", "/")) or target.partition("?")[0] != "/":
        return Answer(
            HTTPStatus.BAD_REQUEST, f"path {target!r} is not that of a channel, which is /"
        )
    return None


def find_route(routes: Routes, host: str, target: str) -> RoutePlan | None:
    """Who is addressed."""
    if host in BROKER_HOSTS:
        return routes.brokers.get(target.removesuffix("/"))
    return routes.channels.get(host)


def read_event(headers: Headers, body: bytes) -> Event:
    """Decode a request's event.

    Raises:
        IngressError: 400, naming each fault.
    """
    try:
        return from_http(headers, body)
    except UnsupportedFormatError as error:
        raise IngressError(Answer(HTTPStatus.BAD_REQUEST, str(error))) from error
    except CloudEventError as error:
        raise IngressError(Answer(HTTPStatus.BAD_REQUEST, str(error))) from error


def accept(
    routes: Routes, host: str, target: str, headers: Headers, body: bytes, now: datetime
) -> Accepted:
    """Decide over a POST.

    Raises:
        IngressError: It is not accepted.
    """
    headers = list(headers)
    event = read_event(headers, body)
    route = find_route(routes, host, target)
    if route is None:
        what = (
            f"broker {target.strip('/')!r}" if host in BROKER_HOSTS else f"channel of host {host!r}"
        )
        raise IngressError(Answer(HTTPStatus.NOT_FOUND, f"{what} does not exist"))
    return Accepted(route, admit(route, event, now, own=True), forwarded(headers))


def admit(route: RoutePlan, event: Event, now: datetime, *, own: bool = False) -> Event:
    """Stamp an event for the way it takes; with ``own`` this very one, which nobody else has.

    Raises:
        IngressError: It has gone round too often.
    """
    if not route.is_broker:
        if not route.record_history:
            return event
        host = f"{route.host}.cluster.local"
        passed = event.extensions.get(HISTORY)
        return event.with_extension(HISTORY, f"{passed}; {host}" if passed else host)
    ttl = ttl_of(event)
    ttl = MAX_TTL if ttl is None else ttl - 1
    if ttl <= 0:
        raise IngressError(
            Answer(HTTPStatus.BAD_REQUEST, f"{TTL}: the event has passed a broker too often")
        )
    stamp = event_time(now, "microseconds")
    if own and isinstance(event.extensions, dict):
        event.extensions[TTL] = ttl
        event.extensions[ARRIVAL_TIME] = stamp
        return event
    return restamped(event, {**event.extensions, TTL: ttl, ARRIVAL_TIME: stamp})


def restamped(event: Event, extensions: Mapping[str, AttributeValue]) -> Event:
    """The event with these extensions; twice per event, so not with ``dataclasses.replace``."""
    return Event(
        id=event.id,
        source=event.source,
        type=event.type,
        specversion=event.specversion,
        subject=event.subject,
        time=event.time,
        datacontenttype=event.datacontenttype,
        dataschema=event.dataschema,
        datacontentencoding=event.datacontentencoding,
        extensions=extensions,
        data=event.data,
    )


def ttl_of(event: Event) -> int | None:
    """How many passes an event has left; None for one that has not passed yet."""
    value = event.extensions.get(TTL)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return value if isinstance(value, int) else None


def forwarded(headers: Headers) -> ForwardedHeaders:
    """The headers that travel with the event; names are in lower case already."""
    return [
        (name, value)
        for name, value in headers
        if name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES)
    ]
