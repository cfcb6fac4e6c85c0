"""From objects to a plan."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.meta import NamespacedName, ObjectMeta
from wakeful.apis.duck import AddressStatus, DeliverySpec, Destination, SubscriberSpec
from wakeful.apis.eventing import Broker, Trigger
from wakeful.apis.messaging import InMemoryChannel, NatsJetStreamChannel, Subscription
from wakeful.apis.messaging.dataplane_role import PhysicalChannel
from wakeful.cloudevents import Event
from wakeful.eventing.delivery import BackoffPolicy, NameTable, RetryPolicy
from wakeful.eventing.plan.compile import (
    ORDER,
    START_FROM,
    World,
    compile_plan,
    hosts_of,
    with_names,
)
from wakeful.eventing.plan.model import Plan, TargetPlan, dump_plan, load_plan
from wakeful.eventing.plan.subjects import filter_subjects, subject_of

FILTER = "http://broker-filter.knative-eventing.svc.cluster.local/triggers/ns/t/uid-t"
BROKER_URL = "http://broker-ingress.knative-eventing.svc.cluster.local/ns/b"
DISPLAY = "http://display.ns.svc.cluster.local"


def a_channel(
    kind: type[PhysicalChannel] = NatsJetStreamChannel, *subscribers: SubscriberSpec, **spec: Any
) -> PhysicalChannel:
    channel = kind.from_wire(
        {"metadata": {"name": "b-kne-trigger", "namespace": "ns", "uid": "uid-c"}, "spec": spec}
    )
    channel.spec.subscribers = list(subscribers)
    return channel


def a_broker() -> Broker:
    broker = Broker(metadata=ObjectMeta(name="b", namespace="ns", uid="uid-b"))
    broker.status.annotations = {
        "knative.dev/channelKind": "NatsJetStreamChannel",
        "knative.dev/channelName": "b-kne-trigger",
    }
    return broker


def a_trigger(spec: dict[str, Any] | None = None, **annotations: str) -> Trigger:
    named = {
        {"order": ORDER, "start": START_FROM}.get(name, name): v for name, v in annotations.items()
    }
    trigger = Trigger.from_wire(
        {
            "metadata": {"name": "t", "namespace": "ns", "uid": "uid-t", "annotations": named},
            "spec": {"broker": "b", **(spec or {})},
        }
    )
    trigger.status.subscriber_uri = DISPLAY
    return trigger


def an_entry(url: str = FILTER, **more: Any) -> SubscriberSpec:
    return SubscriberSpec(
        name="b-t", uid="uid-s", generation=2, subscriber_uri=url, reply_uri=BROKER_URL, **more
    )


def compiled(trigger: Trigger, *entries: SubscriberSpec) -> Plan:
    world = World(
        [a_channel(NatsJetStreamChannel, *(entries or (an_entry(),)))],
        [a_broker()],
        {trigger.key: trigger},
    )
    return compile_plan(world).plan


def test_a_broker_is_a_path_to_the_stream_of_its_channel() -> None:
    plan = compiled(a_trigger())

    (stream,) = plan.streams
    assert (stream.name, stream.in_memory) == ("wk_j_ns_b-kne-trigger", False)
    channel, broker = plan.routes
    assert (channel.host, channel.is_broker) == ("b-kne-trigger-kn-channel.ns.svc", False)
    assert (broker.path, broker.stream, broker.is_broker) == ("/ns/b", stream.name, True)


def test_the_filters_url_stands_for_its_trigger() -> None:
    trigger = a_trigger({"filter": {"attributes": {"type": "wanted", "ext": "x"}}})
    delivery = DeliverySpec(
        retry=3,
        backoff_policy="linear",
        backoff_delay="PT0.5S",
        timeout="PT10S",
        dead_letter_sink=Destination(uri="http://dead"),
    )

    (made,) = compiled(trigger, an_entry(delivery=delivery)).subscriptions

    assert made.subscriber == TargetPlan(DISPLAY)
    assert made.reply == TargetPlan(BROKER_URL)
    assert made.dead_letter == TargetPlan("http://dead")
    assert made.retry == RetryPolicy(3, BackoffPolicy.LINEAR, 0.5, 10.0)
    assert (made.consumer, made.uid, made.generation) == ("t_ns_t", "uid-s", 2)
    assert made.is_trigger
    assert (made.types, made.sources) == (("wanted",), None)
    assert made.keep_seconds > 0


def test_nothing_is_delivered_before_it_is_known_where() -> None:
    trigger = a_trigger()
    trigger.status.subscriber_uri = ""
    assert not compiled(trigger).subscriptions
    missing = World([a_channel(NatsJetStreamChannel, an_entry())], [a_broker()])
    assert not compile_plan(missing).plan.subscriptions


def test_plain_subscribers_are_served_as_they_are() -> None:
    subscription = Subscription(
        metadata=ObjectMeta(name="b-t", namespace="ns", annotations={ORDER: "ordered-by-key"})
    )
    world = World(
        [a_channel(InMemoryChannel, an_entry("http://one.ns.svc.cluster.local/x"))],
        subscriptions={NamespacedName("ns", "b-t"): subscription},
    )

    plan = compile_plan(world).plan

    (made,) = plan.subscriptions
    assert plan.streams[0].in_memory
    assert (made.is_trigger, made.order, made.start, made.keep_seconds) == (False, "key", "now", 0)
    assert hosts_of(plan) == {
        "one.ns.svc.cluster.local",
        "broker-ingress.knative-eventing.svc.cluster.local",
    }


@pytest.mark.parametrize(
    ("annotations", "fault"),
    [
        ({"order": "sorted"}, "'sorted' is neither ordered, ordered-by-key nor unordered"),
        ({"start": "yesterday"}, "'yesterday' is neither beginning, now nor an RFC 3339 time"),
        ({"start": "2026-01-01T00:00:00"}, "nor an RFC 3339 time"),
    ],
)
def test_annotations_that_make_no_sense_are_told(annotations: dict[str, str], fault: str) -> None:
    trigger = a_trigger(**annotations)
    world = World(
        [a_channel(NatsJetStreamChannel, an_entry())], [a_broker()], {trigger.key: trigger}
    )
    result = compile_plan(world)
    assert not result.plan.subscriptions
    assert fault in result.refused["uid-s"]


def test_annotations_choose_order_and_start() -> None:
    kafka = {"kafka.eventing.knative.dev/delivery.order": "ordered"}
    assert compiled(a_trigger(**kafka)).subscriptions[0].order == "trigger"
    (made,) = compiled(a_trigger(order="ordered-by-key", start="beginning")).subscriptions
    assert (made.order, made.start) == ("key", "beginning")


def test_a_jetstream_channel_chooses_its_stream() -> None:
    channel = a_channel(
        NatsJetStreamChannel,
        an_entry("http://one"),
        stream={"config": {"storage": "Memory", "maxBytes": 1000, "maxAge": "1h30m"}},
        consumerConfigTemplate={"deliverPolicy": "New", "maxAckPending": 7},
    )
    plan = compile_plan(World([channel])).plan
    (stream,), (made,) = plan.streams, plan.subscriptions
    assert (stream.in_memory, stream.max_bytes, stream.max_age_seconds) == (True, 1000, 5400)
    assert (made.start, made.max_pending) == ("now", 7)


def test_a_plan_reads_back_as_it_was_written() -> None:
    plan = compiled(
        a_trigger({"filters": [{"prefix": {"type": "a."}}]}),
        an_entry(delivery=DeliverySpec(retry=1, backoff_policy="exponential", format="json")),
    )
    names = NameTable(("127.0.0.1", 9), {("a", "ns"): {80: [("10.0.0.1", 8080)]}})
    plan = with_names(plan, names)
    again = load_plan(dump_plan(plan))
    assert again == plan
    assert again.version() == plan.version()
    with pytest.raises(ValueError, match="not a plan"):
        load_plan(b"{}")


def test_the_server_filters_what_is_exact() -> None:
    event = Event(id="1", source="/s", type="wanted")
    subject = subject_of("wk.x", event).split(".")

    def passes(**filters: Any) -> bool:
        made = compiled(a_trigger(filters)).subscriptions[0]
        return any(
            all(w in ("*", s) for w, s in zip(f.split("."), subject, strict=True))
            for f in filter_subjects("wk.x", made)
        )

    assert passes()
    assert passes(filter={"attributes": {"type": "wanted"}})
    assert not passes(filter={"attributes": {"type": "other"}})
    assert passes(filter={"attributes": {"type": "wanted", "source": "/s"}})
    assert not passes(filter={"attributes": {"type": "wanted", "source": "/t"}})
    assert passes(filters=[{"cesql": "type IN ('a', 'wanted')"}])
    assert passes(filter={"attributes": {"type": ""}})


def test_addresses_are_those_of_the_status() -> None:
    channel = a_channel(InMemoryChannel)
    channel.status = type(channel.status).model_validate(
        AddressStatus.model_validate(
            {"address": {"url": "http://other.ns.svc.cluster.local"}}
        ).model_dump()
    )
    assert compile_plan(World([channel])).plan.routes[0].host == "other.ns.svc"
