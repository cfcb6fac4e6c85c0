"""KafkaChannels on a real broker: into the topic, out to subscribers, replies, dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from wakeful.aio import SystemClock
from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis import make_scheme
from wakeful.apis.core import ConfigMap, Namespace, Secret
from wakeful.apis.duck import DeliverySpec, Destination, SubscriberSpec
from wakeful.apis.messaging import KafkaChannel, KafkaChannelSpec
from wakeful.apis.networking import Ingress
from wakeful.cloudevents import Event, Mode, from_http, to_http
from wakeful.eventbus.kafka import AioKafkaAdmin, KafkaConnection, TopicMissingError
from wakeful.eventing.delivery import NameTable, open_sender
from wakeful.eventing.kafkachannels import (
    KafkaChannelAdapter,
    KafkaChannelReceiver,
    plan_kafka_channel,
)
from wakeful.eventing.sources import AdapterHost
from wakeful.reconciler.messaging.kafkachannel.controller import add_kafkachannel_controller
from wakeful.testing.http import answering
from wakeful.testing.kafka import kafka_broker
from wakeful.testing.world import World

HOST = "orders-kn-channel.default.svc.cluster.local"
TOPIC = "knative-messaging-kafka.default.orders"


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


@dataclass
class Place:
    """A server that keeps the events it gets."""

    answer: Callable[[Event], web.Response]
    got: list[Event] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        event = from_http(request.headers.items(), await request.read())
        self.got.append(event)
        self.headers.append(request.headers.get("knative-lane"))
        return self.answer(event)


@dataclass
class Stage:
    world: World
    receiver: KafkaChannelReceiver
    stack: AsyncExitStack

    async def place(self, answer: Callable[[Event], web.Response]) -> Place:
        place = Place(answer)
        place.url = f"{await self.stack.enter_async_context(answering(place.handle))}/"
        return place

    async def post(self, event: Event, host: str = HOST, **changes: str) -> int:
        headers, body = to_http(event, Mode.BINARY)
        url = f"http://127.0.0.1:{self.receiver.port}/"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, headers=headers | {"Host": host} | changes, data=body) as answer,
        ):
            return answer.status


@pytest.fixture
async def stage(broker: str) -> AsyncIterator[Stage]:
    world = World(make_scheme())
    manager, clock, admin = world.manager, SystemClock(), AioKafkaAdmin()
    await world.prepare()
    async with AsyncExitStack() as stack:
        await world.client.create(Namespace(metadata=ObjectMeta(name="knative-eventing")))
        sender = await stack.enter_async_context(open_sender(NameTable(("127.0.0.1", 9)), clock))
        host, secrets = AdapterHost(manager), manager.informer(Secret)
        adapter = KafkaChannelAdapter(sender, secrets, admin, clock)
        host.serve(KafkaChannel, plan_kafka_channel, adapter.run)
        receiver = KafkaChannelReceiver(world.client, manager.informer(KafkaChannel), secrets)
        add_kafkachannel_controller(
            manager, admin, adapter, host, gateway="gateway.local", ingress_class="ours"
        )
        manager.add(host)
        manager.add(receiver)
        async with world.running():
            yield Stage(world, receiver, stack)


def config(servers: str) -> ConfigMap:
    meta = ObjectMeta(name="kafka-channel-config", namespace="knative-eventing")
    return ConfigMap(metadata=meta, data={"bootstrap.servers": servers})


async def test_events_go_through_the_topic(stage: Stage, broker: str) -> None:
    world = stage.world
    reply = await stage.place(lambda event: web.Response(status=202))
    letters = await stage.place(lambda event: web.Response(status=202))
    broken = await stage.place(lambda event: web.Response(status=400, text="no"))

    def echo(event: Event) -> web.Response:
        headers, body = to_http(Event(id=event.id, source="/echo", type="answer", data=b"x"))
        return web.Response(status=200, headers=headers, body=body)

    echoing = await stage.place(echo)
    lost = DeliverySpec(dead_letter_sink=Destination(uri=letters.url))
    channel = KafkaChannel(
        metadata=ObjectMeta(name="orders", namespace="default"),
        spec=KafkaChannelSpec(
            num_partitions=2,
            subscribers=[
                SubscriberSpec(
                    uid="a", generation=1, subscriber_uri=echoing.url, reply_uri=reply.url
                ),
                SubscriberSpec(uid="b", generation=1, subscriber_uri=broken.url, delivery=lost),
            ],
        ),
    )
    await world.given(channel)

    async def reason() -> str:
        found = await world.client.get(KafkaChannel, "orders", "default")
        ready = found.status.condition(READY)
        return ready.reason if ready is not None else ""

    async def is_unconfigured() -> bool:
        return await reason() == "FailedToResolveConfig"

    await world.eventually(is_unconfigured)
    await world.client.create(config(broker))

    async def is_served() -> bool:
        found = await world.client.get(KafkaChannel, "orders", "default")
        ready = found.status.condition(READY)
        return (
            ready is not None
            and ready.is_true
            and [s.ready for s in found.status.subscribers] == ["True", "True"]
        )

    await world.eventually(is_served)
    found = await world.client.get(KafkaChannel, "orders", "default")
    assert found.status.address is not None
    assert found.status.address.url == f"http://{HOST}"
    assert found.status.annotations["topic"] == TOPIC
    (ingress,) = (await world.client.list(Ingress, "knative-eventing")).items
    assert HOST in ingress.spec.rules[0].hosts
    event = Event(id="1", source="/s", type="order", datacontenttype="text/plain", data=b"\x00\xff")

    async def is_taken() -> bool:  # the receiver's cache may be a moment behind
        return await stage.post(event, **{"knative-lane": "north"}) == 202

    await world.eventually(is_taken)
    assert await stage.post(event, HOST.removesuffix(".cluster.local")) == 202

    async def is_through() -> bool:
        return len(reply.got) >= 2 and len(letters.got) >= 2

    await world.eventually(is_through)
    assert echoing.got[0] == event
    assert "north" in echoing.headers
    assert (reply.got[0].type, reply.got[0].source) == ("answer", "/echo")
    letter = letters.got[0]
    assert (letter.id, letter.data) == ("1", event.data)
    assert letter.extensions["knativeerrordest"] == broken.url
    assert letter.extensions["knativeerrorcode"] in ("400", 400)

    assert await stage.post(event, "nobody-kn-channel.default.svc.cluster.local") == 404
    assert await stage.post(event, **{"ce-specversion": "10.0"}) == 400
    async with (
        aiohttp.ClientSession() as session,
        session.put(f"http://127.0.0.1:{stage.receiver.port}/", headers={"Host": HOST}) as answer,
    ):
        assert answer.status == 405

    await world.client.delete(KafkaChannel, "orders", "default")

    async def is_gone() -> bool:
        try:
            await world.client.get(KafkaChannel, "orders", "default")
        except NotFoundError:
            return True
        return False

    await world.eventually(is_gone)
    assert not (await world.client.list(Ingress, "knative-eventing")).items
    # This broker makes topics that are asked for anew, with four partitions instead of our two.
    with suppress(TopicMissingError):
        made = await AioKafkaAdmin().partitions(KafkaConnection((broker,)), [TOPIC])
        assert len(made[TOPIC]) == 4


async def test_a_cluster_that_is_away_is_told(stage: Stage) -> None:
    await stage.world.client.create(config("127.0.0.1:1"))
    await stage.world.given(KafkaChannel(metadata=ObjectMeta(name="orders", namespace="default")))

    async def says_so() -> bool:
        found = await stage.world.client.get(KafkaChannel, "orders", "default")
        ready = found.status.condition(READY)
        return ready is not None and ready.reason == "TopicCreateFailed"

    await stage.world.eventually(says_so)
