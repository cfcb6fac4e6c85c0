"""From Brokers, Triggers and channels to a plan. Pure; only here are the types of the API known.

Channels are streams; their resolved subscribers are consumers. A subscriber that is a Broker's
filter stands for its Trigger: the filter is evaluated where events are dispatched, so that no event
takes a detour over HTTP to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.duck import DeliverySpec, SubscriberSpec
from wakeful.apis.eventing import Broker, Trigger
from wakeful.apis.eventing import register as eventing
from wakeful.apis.messaging import InMemoryChannel, NatsJetStreamChannel, Subscription
from wakeful.apis.messaging import register as messaging
from wakeful.apis.messaging.dataplane_role import PhysicalChannel
from wakeful.cloudevents.filters import FilterError, compile_filters, exact_keys
from wakeful.eventing.delivery.names import NameTable
from wakeful.eventing.plan.model import (
    STREAM_PREFIX,
    Plan,
    RoutePlan,
    StreamPlan,
    SubscriptionPlan,
    TargetPlan,
)
from wakeful.eventing.plan.patience import retry_policy

FILTER_HOST = "broker-filter.knative-eventing.svc.cluster.local"
"""Host of the URL that stands for a Trigger in the subscribers of its Broker's channel."""
ORDER = "eventing.wakeful.dev/delivery-order"
"""Annotation of Triggers and Subscriptions: ``ordered``, ``ordered-by-key`` or ``unordered``."""
KAFKA_ORDER = "kafka.eventing.knative.dev/delivery.order"
"""The same in the words of Kafka brokers: ``ordered`` or ``unordered``."""
START_FROM = "eventing.wakeful.dev/start-from"
"""Annotation of Triggers: ``beginning``, ``now`` or an RFC 3339 time."""

_BROKER_HOST = "broker-ingress.knative-eventing.svc"
_MEMORY_BYTES = 64 << 20
_FILE_BYTES = 4 << 30
_HISTORY_BYTES = 64 << 20
_KEEP_SECONDS = 7 * 24 * 3600.0
_MAX_PENDING = 1000
_MOST_PENDING = 20_000
_ORDERS = {"ordered": "trigger", "ordered-by-key": "key"}


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is compiled from."""

    channels: Sequence[PhysicalChannel] = ()
    brokers: Sequence[Broker] = ()
    triggers: Mapping[NamespacedName, Trigger] = field(default_factory=dict)
    subscriptions: Mapping[NamespacedName, Subscription] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan without names, and what could not be compiled: uid of a subscriber to the reason."""

    plan: Plan
    refused: Mapping[str, str]


def compile_plan(world: World) -> Compiled:
    """Compile; hosts of targets are to be put into ``plan.names`` by the caller."""
    streams: list[StreamPlan] = []
    routes: list[RoutePlan] = []
    subscriptions: list[SubscriptionPlan] = []
    refused: dict[str, str] = {}
    for channel in sorted(world.channels, key=lambda c: (c.gvk.kind, c.key)):
        if channel.is_deleting:
            continue
        stream = make_stream(channel)
        streams.append(stream)
        routes.append(make_channel_route(channel, stream))
        for subscriber in channel.spec.subscribers:
            try:
                made = make_subscription(channel, stream, subscriber, world)
            except (FilterError, ValueError) as error:
                refused[subscriber.uid] = str(error)
                continue
            if made is not None:
                subscriptions.append(made)
    known = {stream.name for stream in streams}
    for broker in sorted(world.brokers, key=lambda b: b.key):
        route = make_broker_route(broker)
        if route is not None and route.stream in known:
            routes.append(route)
    return Compiled(Plan(tuple(streams), tuple(routes), tuple(subscriptions)), refused)


def stream_name(kind: str, key: NamespacedName) -> str:
    """The stream of a channel; names of objects have no underscore, streams no dot."""
    letter = "m" if kind == InMemoryChannel.gvk.kind else "j"
    return f"{STREAM_PREFIX}{letter}_{_token(key.namespace)}_{_token(key.name)}"


def owner_of(obj: Object) -> str:
    """``kind/namespace/name``."""
    meta = obj.metadata
    return f"{obj.gvk.kind.lower()}/{meta.namespace}/{meta.name}"


def make_stream(channel: PhysicalChannel) -> StreamPlan:
    """The stream a channel's events wait in."""
    name = stream_name(channel.gvk.kind, channel.key)
    owner, uid = owner_of(channel), channel.metadata.uid
    if not isinstance(channel, NatsJetStreamChannel):
        return StreamPlan(name, owner, uid, in_memory=True, max_bytes=_MEMORY_BYTES)
    config = channel.spec.stream.config
    if config is None:
        return StreamPlan(name, owner, uid, max_bytes=_FILE_BYTES, history_bytes=_HISTORY_BYTES)
    in_memory = config.storage == "Memory"
    return StreamPlan(
        name,
        owner,
        uid,
        in_memory=in_memory,
        max_bytes=config.max_bytes or (_MEMORY_BYTES if in_memory else _FILE_BYTES),
        max_age_seconds=_seconds(config.max_age),
        replicas=max(1, config.replicas or 1),
        history_bytes=0 if config.retention in ("Interest", "Work") else _HISTORY_BYTES,
    )


def make_channel_route(channel: PhysicalChannel, stream: StreamPlan) -> RoutePlan:
    """The host of a channel."""
    address = channel.status.address
    host = urlsplit(address.url).hostname if address is not None and address.url else None
    if host is None:
        host = f"{channel.metadata.name}-kn-channel.{channel.metadata.namespace}.svc.cluster.local"
    return RoutePlan(
        host.removesuffix(".cluster.local"),
        "/",
        stream.name,
        stream.owner,
        record_history=channel.metadata.annotations.get(messaging.HISTORY) == "enabled",
    )


def make_broker_route(broker: Broker) -> RoutePlan | None:
    """The path of a Broker whose channel is one of ours; None for all others."""
    found = broker.status.annotations
    name, kind = found.get(eventing.CHANNEL_NAME), found.get(eventing.CHANNEL_KIND, "")
    ours = (InMemoryChannel.gvk.kind, NatsJetStreamChannel.gvk.kind)
    if broker.is_deleting or not name or kind not in ours:
        return None
    namespace = found.get(eventing.CHANNEL_NAMESPACE) or broker.metadata.namespace
    stream = stream_name(kind, NamespacedName(namespace, name))
    path = f"/{broker.metadata.namespace}/{broker.metadata.name}"
    return RoutePlan(_BROKER_HOST, path, stream, owner_of(broker), is_broker=True)


def make_subscription(
    channel: PhysicalChannel, stream: StreamPlan, subscriber: SubscriberSpec, world: World
) -> SubscriptionPlan | None:
    """One entry of a channel; None while it is not known where its events go.

    Raises:
        FilterError: The Trigger's filter cannot be evaluated.
        ValueError: An annotation or duration makes no sense.
    """
    trigger_key = trigger_of(subscriber.subscriber_uri)
    if trigger_key is not None:
        trigger = world.triggers.get(trigger_key)
        if trigger is None or not trigger.status.subscriber_uri:
            return None
        return _for_trigger(trigger, stream, subscriber)
    if not subscriber.subscriber_uri and not subscriber.reply_uri:
        return None
    key = NamespacedName(channel.metadata.namespace, subscriber.name)
    subscription = world.subscriptions.get(key)
    annotations = subscription.metadata.annotations if subscription is not None else {}
    template = (
        channel.spec.consumer_config_template if isinstance(channel, NatsJetStreamChannel) else None
    )
    start = "now"
    if isinstance(channel, NatsJetStreamChannel):
        start = _start_of(template.deliver_policy if template is not None else "")
    pending = (template.max_ack_pending if template is not None else None) or _MAX_PENDING
    label = subscriber.name or subscriber.uid
    made = SubscriptionPlan(
        stream.name,
        f"s_{_token(label)}_{subscriber.uid[:8]}",
        f"subscription/{channel.metadata.namespace}/{label}",
        subscriber.uid,
        subscriber.generation or 0,
        subscriber=_target(subscriber.subscriber_uri, subscriber.subscriber_ca_certs),
        reply=_target(subscriber.reply_uri, subscriber.reply_ca_certs),
        order=_order_of(annotations),
        start=start,
        max_pending=max(1, min(pending, _MOST_PENDING)),
    )
    return _delivered(made, subscriber.delivery)


def _for_trigger(
    trigger: Trigger, stream: StreamPlan, subscriber: SubscriberSpec
) -> SubscriptionPlan:
    spec, meta = trigger.spec, trigger.metadata
    plain = spec.filter.to_wire() if spec.filter is not None else None
    filters = tuple(each.to_wire() for each in spec.filters)
    keys = exact_keys(compile_filters(plain, filters))
    made = SubscriptionPlan(
        stream.name,
        f"t_{_token(meta.namespace)}_{_token(meta.name)}",
        owner_of(trigger),
        subscriber.uid,
        subscriber.generation or 0,
        subscriber=_target(trigger.status.subscriber_uri, trigger.status.subscriber_ca_certs),
        reply=_target(subscriber.reply_uri, subscriber.reply_ca_certs),
        is_trigger=True,
        filter=plain,
        filters=filters,
        types=tuple(sorted(keys.types)) if keys.types is not None else None,
        sources=tuple(sorted(keys.sources)) if keys.sources is not None else None,
        order=_order_of(meta.annotations),
        start=check_start(meta.annotations.get(START_FROM, "")),
        max_pending=_MAX_PENDING,
        keep_seconds=0.0 if stream.in_memory else _KEEP_SECONDS,
    )
    return _delivered(made, subscriber.delivery)


def trigger_of(url: str) -> NamespacedName | None:
    """The Trigger a filter's URL stands for: ``/triggers/NAMESPACE/NAME/UID``."""
    parts = urlsplit(url)
    if parts.hostname != FILTER_HOST:
        return None
    segments = parts.path.strip("/").split("/")
    if len(segments) < 3 or segments[0] != "triggers":
        return None
    return NamespacedName(segments[1], segments[2])


def check_start(text: str) -> str:
    """Where a Trigger starts, checked.

    Raises:
        ValueError: It is neither ``beginning``, ``now`` nor a time with its offset.
    """
    if text in ("", "beginning", "now"):
        return text
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ValueError(
            f"annotation {START_FROM}: {text!r} is neither beginning, now nor an RFC 3339 time"
        )
    return text


def hosts_of(plan: Plan) -> frozenset[str]:
    """The hosts of everything events are sent to."""
    return frozenset(
        host
        for subscription in plan.subscriptions
        for target in (subscription.subscriber, subscription.reply, subscription.dead_letter)
        if target is not None and (host := urlsplit(target.url).hostname)
    )


def with_names(plan: Plan, names: NameTable) -> Plan:
    """The plan with the addresses of its targets."""
    return replace(plan, names=names)


def local_hosts(routes: Iterable[RoutePlan]) -> tuple[str, ...]:
    """Every host of the cluster that leads to the ingress."""
    return tuple(sorted({route.host for route in routes} | {_BROKER_HOST}))


def _delivered(plan: SubscriptionPlan, delivery: DeliverySpec | None) -> SubscriptionPlan:
    if delivery is None:
        return plan
    sink = delivery.dead_letter_sink
    return replace(
        plan,
        dead_letter=_target(sink.uri, sink.ca_certs) if sink is not None else None,
        retry=retry_policy(delivery),
        structured={"json": True, "binary": False}.get(delivery.format or ""),
    )


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds() if text else 0.0


def _target(url: str, ca_certs: str) -> TargetPlan | None:
    return TargetPlan(url, ca_certs) if url else None


def _token(name: str) -> str:
    return name.replace(".", "=")


def _order_of(annotations: Mapping[str, str]) -> str:
    value = annotations.get(ORDER) or annotations.get(KAFKA_ORDER) or "unordered"
    if value not in (*_ORDERS, "unordered"):
        raise ValueError(
            f"annotation {ORDER}: {value!r} is neither ordered, ordered-by-key nor unordered"
        )
    return _ORDERS.get(value, "")


def _start_of(policy: str) -> str:
    return "now" if policy in ("New", "Last") else "beginning"
