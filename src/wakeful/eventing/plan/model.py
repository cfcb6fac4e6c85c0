"""The plan's values and their form on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from wakeful.eventing.delivery.names import Address, NameTable
from wakeful.eventing.delivery.policy import BackoffPolicy, RetryPolicy

FORMAT = 1
KEY_PARTITIONS = 16
"""Events are spread over so many subjects by key; ordered-by-key delivery has as many lanes."""

STREAM_PREFIX = "wk_"
SUBJECT_PREFIX = "wk"
_ONCE = RetryPolicy()


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """Where the events of one Broker or channel wait."""

    name: str
    owner: str
    """Kind, namespace and name of the object, as ``kubectl`` writes it: ``broker/ns/name``."""
    uid: str
    in_memory: bool = False
    max_bytes: int = -1
    max_age_seconds: float = 0.0
    replicas: int = 1
    history_bytes: int = 0
    """So much of what everybody has had is kept, for consumers that begin in the past."""

    @property
    def subject(self) -> str:
        """The first tokens of what is published here."""
        return f"{SUBJECT_PREFIX}.{self.name}"


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """An address that takes events: a Broker's path, or a channel's host."""

    host: str
    """Lower case, without ``.cluster.local`` and port."""
    path: str
    """``/ns/name`` for Brokers; ``/`` for channels."""
    stream: str
    owner: str
    is_broker: bool = False
    record_history: bool = False
    """Append our host to the extension ``knativehistory``, as the channels of 2019 did."""


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """A URL events are sent to."""

    url: str
    ca_certs: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionPlan:
    """Who gets the events of a stream, which of them, and how."""

    stream: str
    consumer: str
    owner: str
    """``trigger/ns/name`` or ``subscription/ns/name``."""
    uid: str
    generation: int = 0
    subscriber: TargetPlan | None = None
    """Without one, events go to ``reply`` directly."""
    reply: TargetPlan | None = None
    dead_letter: TargetPlan | None = None
    retry: RetryPolicy = _ONCE
    is_trigger: bool = False
    """The event's TTL is kept from the subscriber; what it answers must be an event."""
    filter: Mapping[str, Any] | None = None
    filters: tuple[Mapping[str, Any], ...] = ()
    types: tuple[str, ...] | None = None
    """No event of another type passes the filters; None says nothing."""
    sources: tuple[str, ...] | None = None
    structured: bool | None = None
    """Send in structured (True) or binary mode; None is binary."""
    order: str = ""
    """Empty: in parallel. ``trigger``: one after another. ``key``: so for events of one key."""
    start: str = ""
    """Where a new consumer begins: ``beginning``, ``now`` or an RFC 3339 time; empty is now."""
    max_pending: int = 1000
    keep_seconds: float = 0.0
    """How long the place in the stream is remembered when this is gone from the plan."""

    @property
    def key(self) -> tuple[str, str]:
        """Stream and consumer."""
        return self.stream, self.consumer


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything at one moment."""

    streams: tuple[StreamPlan, ...] = ()
    routes: tuple[RoutePlan, ...] = ()
    subscriptions: tuple[SubscriptionPlan, ...] = ()
    names: NameTable = field(default_factory=lambda: NameTable(("127.0.0.1", 80)))
    platform: str = ""
    """Whose streams these are; on a server that others use too, theirs are left alone."""
    workers: int = 1
    """Event processes that share the work."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to carry."""
        return not self.streams

    def version(self) -> str:
        """The same for the same content."""
        return hashlib.sha256(dump_plan(self)).hexdigest()[:16]


def dump_plan(plan: Plan) -> bytes:
    """The plan's form on disk."""
    names = plan.names
    return orjson.dumps(
        {
            "format": FORMAT,
            "streams": [asdict(s) for s in plan.streams],
            "routes": [asdict(r) for r in plan.routes],
            "subscriptions": [asdict(s) for s in plan.subscriptions],
            "names": {
                "gateway": names.gateway,
                "gateway_tls": names.gateway_tls,
                "services": [
                    [name, namespace, [[port, list(to)] for port, to in ports.items()]]
                    for (name, namespace), ports in names.services.items()
                ],
            },
            "platform": plan.platform,
            "workers": plan.workers,
        }
    )


def load_plan(data: bytes) -> Plan:
    """Read what :func:`dump_plan` wrote.

    Raises:
        ValueError: It is something else, or of another version of this program.
    """
    try:
        raw = orjson.loads(data)
        if raw["format"] != FORMAT:
            raise ValueError(f"plan has format {raw['format']}, not {FORMAT}")
        return Plan(
            tuple(StreamPlan(**s) for s in raw["streams"]),
            tuple(RoutePlan(**r) for r in raw["routes"]),
            tuple(_subscription(s) for s in raw["subscriptions"]),
            _names(raw["names"]),
            raw["platform"],
            raw["workers"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a plan: {error}") from error


def _subscription(raw: dict[str, Any]) -> SubscriptionPlan:
    for name in ("subscriber", "reply", "dead_letter"):
        if raw[name] is not None:
            raw[name] = TargetPlan(**raw[name])
    retry = raw["retry"]
    if retry["backoff"] is not None:
        retry["backoff"] = BackoffPolicy(retry["backoff"])
    raw["retry"] = RetryPolicy(**retry)
    for name in ("types", "sources"):
        if raw[name] is not None:
            raw[name] = tuple(raw[name])
    raw["filters"] = tuple(raw["filters"])
    return SubscriptionPlan(**raw)


def _names(raw: dict[str, Any]) -> NameTable:
    return NameTable(
        _address(raw["gateway"]),
        {
            (name, namespace): {port: [_address(a) for a in to] for port, to in ports}
            for name, namespace, ports in raw["services"]
        },
        _address(raw["gateway_tls"]) if raw.get("gateway_tls") else None,
    )


def _address(raw: list[Any]) -> Address:
    return raw[0], raw[1]
