"""What is known of a KafkaChannel before its events are carried."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.duck import DeliverySpec, Destination, SubscriberSpec
from wakeful.apis.messaging import KafkaChannel, KafkaChannelSpec
from wakeful.eventing.kafkachannels.plan import Place, plan_kafka_channel, servers_of


def channel(*subscribers: SubscriberSpec, ready: bool = True) -> KafkaChannel:
    made = KafkaChannel(
        metadata=ObjectMeta(name="orders", namespace="shop"),
        spec=KafkaChannelSpec(subscribers=list(subscribers), delivery=DeliverySpec(retry=3)),
    )
    if ready:
        made.status.mark_topic_ready("topic", "a:9092,b:9092", "kafka")
    made.status.dead_letter_sink_uri = "http://channel-letters/"
    return made


def test_nobody_reads_without_topic_or_subscribers() -> None:
    assert plan_kafka_channel(channel()) is None
    assert plan_kafka_channel(channel(SubscriberSpec(uid="a"), ready=False)) is None


def test_each_subscriber_is_a_group_with_a_delivery_of_its_own() -> None:
    own = DeliverySpec(
        retry=1,
        backoff_policy="linear",
        backoff_delay="PT2S",
        timeout="PT5S",
        format="json",
        dead_letter_sink=Destination(uri="http://own-letters/"),
    )
    plan = plan_kafka_channel(
        channel(
            SubscriberSpec(uid="a", generation=2, subscriber_uri="http://a/"),
            SubscriberSpec(uid="b", reply_uri="http://b/", delivery=own),
        )
    )
    assert plan is not None
    assert (plan.servers, plan.secret, plan.topic) == (("a:9092", "b:9092"), "kafka", "topic")
    first, second = plan.subscribers
    assert first.group == "kafka.shop.orders.a"
    assert (first.generation, first.subscriber, first.reply) == (2, Place("http://a/"), None)
    assert (first.patience.retries, first.dead_letter) == (3, Place("http://channel-letters/"))
    assert (second.subscriber, second.reply) == (None, Place("http://b/"))
    assert second.dead_letter == Place("http://own-letters/")
    assert second.structured
    assert (second.patience.delay_seconds, second.patience.timeout_seconds) == (2, 5)


def test_servers() -> None:
    assert servers_of(" a:1, b:2,, ") == ("a:1", "b:2")
