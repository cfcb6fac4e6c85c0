"""Brokers and Triggers: names, addresses, statuses, and what follows from changes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import ConfigMap
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.eventing import Broker, EventType, Trigger
from wakeful.apis.messaging import InMemoryChannel, NatsJetStreamChannel, Subscription
from wakeful.apis.messaging.dataplane_role import ObservedType, ServingPhase, ServingState

ALPHA, V1 = "eventing.knative.dev/v1alpha1", "eventing.knative.dev/v1"
REF = {"apiVersion": "serving.knative.dev/v1alpha1", "kind": "Service", "name": "display"}
DISPLAY = "http://display.default.svc.cluster.local"
INGRESS = "http://broker-ingress.knative-eventing.svc.cluster.local"


def a_broker(name: str = "default", spec: Any = None, version: str = V1) -> dict[str, Any]:
    return {"apiVersion": version, "kind": "Broker", "metadata": {"name": name}, "spec": spec or {}}


def a_trigger(
    name: str = "t", spec: Any = None, version: str = V1, **annotations: str
) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": "Trigger",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"broker": "default", "subscriber": {"ref": REF}} | (spec or {}),
    }


async def test_a_broker_gets_a_durable_channel_and_an_address(eventing_core: Any) -> None:
    await eventing_core.apply(a_broker())
    broker = await eventing_core.settled(Broker, "default")
    assert broker.status.address.to_wire() == {"name": "http", "url": f"{INGRESS}/default/default"}
    assert broker.status.annotations == {
        "knative.dev/channelAddress": "http://default-kne-trigger-kn-channel.default.svc.cluster.local",
        "knative.dev/channelKind": "NatsJetStreamChannel",
        "knative.dev/channelAPIVersion": "messaging.knative.dev/v1alpha1",
        "knative.dev/channelName": "default-kne-trigger",
    }
    channel = await eventing_core.settled(NatsJetStreamChannel, "default-kne-trigger")
    assert channel.metadata.labels["eventing.knative.dev/broker"] == "default"
    assert channel.metadata.owner_references[0].uid == broker.metadata.uid
    assert channel.spec.delivery == broker.spec.delivery
    service = await eventing_core.world.find(KubeService, "default-kne-trigger-kn-channel")
    assert (service.spec.type, service.spec.external_name) == (
        "ExternalName",
        "gateway.internal.svc.cluster.local",
    )


async def test_the_book_s_trigger_becomes_ready(eventing_core: Any, a_ksvc: Any) -> None:
    """Namespace label, default Broker, sourceAndType, subscriber of an old version."""
    world = eventing_core.world
    namespace = await world.client.get(Namespace, "default")
    namespace.metadata.labels["knative-eventing-injection"] = "enabled"
    await world.client.update(namespace)
    await world.given(a_ksvc("display"))
    book = a_trigger("display-trigger", {"filter": {"sourceAndType": {"type": "a"}}}, ALPHA)
    del book["spec"]["broker"]
    await eventing_core.apply(book)
    trigger = await eventing_core.settled(Trigger, "display-trigger")
    assert trigger.status.subscriber_uri == DISPLAY
    uid = trigger.metadata.uid
    name = child_name("default-display-trigger-", uid)
    subscription = await eventing_core.settled(Subscription, name)
    physical = subscription.status.physical_subscription
    path = f"/triggers/default/display-trigger/{uid}"
    assert physical.subscriber_uri == (
        f"http://broker-filter.knative-eventing.svc.cluster.local{path}"
    )
    assert physical.reply_uri == f"{INGRESS}/default/default"
    channel = await world.find(NatsJetStreamChannel, "default-kne-trigger")
    [entry] = channel.spec.subscribers
    assert (entry.uid, entry.name) == (subscription.metadata.uid, subscription.metadata.name)
    assert entry.delivery.retry == 10
    broker = await world.find(Broker, "default")
    assert broker.metadata.labels["eventing.knative.dev/injected"] == "true"


async def test_a_trigger_waits_for_its_broker_and_its_subscriber(
    eventing_core: Any, a_ksvc: Any
) -> None:
    world = eventing_core.world
    await eventing_core.apply(a_trigger())
    trigger = await eventing_core.settled(
        Trigger, "t", condition="BrokerReady", status="False", reason="BrokerDoesNotExist"
    )
    assert trigger.status.condition("Ready").message == 'Broker "default" does not exist'
    await eventing_core.apply(a_broker())
    trigger = await eventing_core.settled(
        Trigger, "t", condition="SubscriberResolved", status="False"
    )
    found = trigger.status.condition("SubscriberResolved")
    assert found.reason == "Unable to get the Subscriber's URI"
    assert found.message == (
        'failed to get object default/display: Service.serving.knative.dev "display" not found'
    )
    await world.given(a_ksvc("display"))
    await eventing_core.settled(Trigger, "t")

    service = await world.latest(a_ksvc("display"))
    service.status.address = None
    await world.client.update_status(service)
    trigger = await eventing_core.settled(
        Trigger, "t", condition="SubscriberResolved", status="False"
    )
    assert "address not set for Service default/display" in (
        trigger.status.condition("SubscriberResolved").message
    )


async def test_delivery_of_a_trigger_replaces_its_broker_s(eventing_core: Any, a_ksvc: Any) -> None:
    """Dead letters go to the Trigger's sink, else to the Broker's; never a mixture."""
    world = eventing_core.world
    for name in ("display", "dead", "other"):
        await world.given(a_ksvc(name))
    dead = {"ref": REF | {"name": "dead"}}
    await eventing_core.apply(a_broker(spec={"delivery": {"deadLetterSink": dead, "retry": 2}}))
    await eventing_core.apply(a_trigger("plain"))
    own = {"retry": 1, "deadLetterSink": {"ref": REF | {"name": "other"}}}
    await eventing_core.apply(a_trigger("own", {"delivery": own}))
    plain = await eventing_core.settled(Trigger, "plain")
    mine = await eventing_core.settled(Trigger, "own")
    assert plain.status.dead_letter_sink_uri == "http://dead.default.svc.cluster.local"
    assert mine.status.dead_letter_sink_uri == "http://other.default.svc.cluster.local"
    broker = await world.find(Broker, "default")
    assert broker.status.dead_letter_sink_uri == "http://dead.default.svc.cluster.local"

    channel = await world.find(NatsJetStreamChannel, "default-kne-trigger")
    found = {s.name.split("-")[1]: s.delivery for s in channel.spec.subscribers}
    assert (found["plain"].retry, found["plain"].dead_letter_sink.uri) == (
        2,
        "http://dead.default.svc.cluster.local",
    )
    assert (found["own"].retry, found["own"].dead_letter_sink.uri) == (
        1,
        "http://other.default.svc.cluster.local",
    )

    before = {s.name: s.uid for s in channel.spec.subscribers}
    broker.spec.delivery.retry = 7
    await world.client.update(broker)

    async def changed() -> Any:
        channel = await world.find(NatsJetStreamChannel, "default-kne-trigger")
        found = {s.name.split("-")[1]: s.delivery.retry for s in channel.spec.subscribers}
        return channel if found == {"plain": 7, "own": 1} else None

    channel = await world.eventually(changed)
    assert {s.name: s.uid for s in channel.spec.subscribers} == before  # nobody lost their place


async def test_a_dead_letter_sink_that_is_missing_is_told(eventing_core: Any) -> None:
    dead = {"ref": REF | {"name": "dead"}}
    await eventing_core.apply(a_broker(spec={"delivery": {"deadLetterSink": dead}}))
    broker = await eventing_core.settled(
        Broker,
        "default",
        condition="DeadLetterSinkResolved",
        status="False",
        reason="Unable to get the dead letter sink's URI",
    )
    text = broker.status.condition("DeadLetterSinkResolved").message
    assert 'Service.serving.knative.dev "dead" not found' in text


async def test_the_book_s_broker_chooses_its_channel(eventing_core: Any) -> None:
    template = {"apiVersion": "messaging.knative.dev/v1alpha1", "kind": "InMemoryChannel"}
    await eventing_core.apply(a_broker("weather", {"channelTemplateSpec": template}, ALPHA))
    broker = await eventing_core.settled(Broker, "weather")
    assert broker.status.annotations["knative.dev/channelKind"] == "InMemoryChannel"
    await eventing_core.settled(InMemoryChannel, "weather-kne-trigger")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "missing"}},
            'configmaps "missing" not found',
        ),
        (
            {"config": {"apiVersion": "v1", "kind": "Secret", "name": "x"}},
            "configuration not supported, only [kind: ConfigMap",
        ),
        (
            {"channelTemplateSpec": {"apiVersion": "messaging.knative.dev/v1", "kind": "Fax"}},
            'no matches for kind "Fax" in version "messaging.knative.dev/v1" among channels',
        ),
        (
            {
                "channelTemplateSpec": {
                    "apiVersion": "messaging.knative.dev/v1beta1",
                    "kind": "KafkaChannel",
                }
            },
            "a Broker's events cannot wait in a KafkaChannel here",
        ),
        (
            {
                "channelTemplateSpec": {
                    "apiVersion": "messaging.knative.dev/v1alpha1",
                    "kind": "NatsJetStreamChannel",
                    "spec": {"stream": 3},
                }
            },
            "a NatsJetStreamChannel cannot have the template's spec: spec.stream",
        ),
    ],
)
async def test_a_broker_without_a_channel_says_why(
    eventing_core: Any, spec: Any, message: str
) -> None:
    await eventing_core.apply(a_broker(spec=spec))
    broker = await eventing_core.settled(
        Broker,
        "default",
        condition="TriggerChannelReady",
        status="False",
        reason="ChannelTemplateFailed",
    )
    assert message in broker.status.condition("TriggerChannelReady").message


async def test_a_broker_keeps_its_channel_when_the_default_changes(eventing_core: Any) -> None:
    world = eventing_core.world
    await eventing_core.apply(a_broker("old"))
    await eventing_core.settled(Broker, "old")
    config = await world.client.get(ConfigMap, "config-br-default-channel", "knative-eventing")
    config.data = {
        "channelTemplateSpec": "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"
    }
    await world.client.update(config)
    configs = world.manager.informer(ConfigMap)
    await world.eventually(
        lambda: (
            (c := configs.get(config.metadata.name, config.metadata.namespace)) is not None
            and c.data == config.data
        )
    )
    await eventing_core.apply(a_broker("new"))
    new = await eventing_core.settled(Broker, "new")
    assert new.status.annotations["knative.dev/channelKind"] == "InMemoryChannel"
    old = await world.find(Broker, "old")
    assert old.status.annotations["knative.dev/channelKind"] == "NatsJetStreamChannel"
    assert await world.find(InMemoryChannel, "old-kne-trigger") is None


async def test_brokers_say_when_nobody_takes_events(eventing_core: Any) -> None:
    plane = eventing_core.plane
    plane.set_health(ServingPhase.REFUSED, "NotRunning", "the event server does not answer")
    await eventing_core.apply(a_broker())
    broker = await eventing_core.settled(Broker, "default", status="False")
    for condition in ("IngressReady", "FilterReady"):
        assert broker.status.condition(condition).reason == "NotRunning"
    channel = await eventing_core.settled(
        NatsJetStreamChannel, "default-kne-trigger", status="False"
    )
    assert channel.status.condition("DispatcherReady").message == "the event server does not answer"
    plane.set_health(ServingPhase.SERVED)
    await eventing_core.settled(Broker, "default")


async def test_triggers_are_ready_when_their_consumers_are(eventing_core: Any, a_ksvc: Any) -> None:
    world, plane = eventing_core.world, eventing_core.plane
    await world.given(a_ksvc("display"))
    await eventing_core.apply(a_broker())
    await eventing_core.settled(Broker, "default")
    pending = ServingState(ServingPhase.PENDING, message="consumer is being made")

    class Pending(dict[str, ServingState]):
        def get(self, key: str, default: Any = None) -> Any:
            return pending

    plane.subscribers = Pending()
    await eventing_core.apply(a_trigger())

    async def told() -> bool:
        trigger = await world.find(Trigger, "t")
        found = trigger.status.condition("Ready")
        return found is not None and "consumer is being made" in found.message

    await world.eventually(told)
    trigger = await eventing_core.settled(Trigger, "t", status="Unknown")
    assert trigger.status.condition("Ready").reason == "SubscriptionNotMarkedReadyByChannel"
    plane.subscribers = {}
    plane.tell("NatsJetStreamChannel", "default-kne-trigger")
    await eventing_core.settled(Trigger, "t")


async def test_a_deleted_trigger_leaves_its_channel(eventing_core: Any, a_ksvc: Any) -> None:
    world = eventing_core.world
    await world.given(a_ksvc("display"))
    await eventing_core.apply(a_broker())
    await eventing_core.apply(a_trigger())
    await eventing_core.settled(Trigger, "t")
    [subscription] = await world.all(Subscription, "default")
    meta = subscription.metadata
    await world.client.delete(Subscription, meta.name, "default")

    async def replaced() -> bool:
        channel = await world.find(NatsJetStreamChannel, "default-kne-trigger")
        uids = [s.uid for s in channel.spec.subscribers]
        return len(uids) == 1 and uids != [meta.uid]

    await world.eventually(replaced)  # the Trigger wants its Subscription back


async def test_a_trigger_waits_for_what_it_depends_on(eventing_core: Any, a_ksvc: Any) -> None:
    world = eventing_core.world
    await world.given(a_ksvc("display"))
    await eventing_core.apply(a_broker())
    dependency = '{"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "other"}'
    await eventing_core.apply(a_trigger(**{"knative.dev/dependency": dependency}))
    trigger = await eventing_core.settled(
        Trigger, "t", condition="DependencyReady", status="False", reason="DependencyDoesNotExist"
    )
    assert trigger.status.condition("Ready").reason == "DependencyDoesNotExist"
    await eventing_core.apply(a_broker("other"))
    await eventing_core.settled(Trigger, "t")


async def test_a_trigger_may_have_its_broker_made(eventing_core: Any) -> None:
    await eventing_core.apply(a_trigger(**{"eventing.knative.dev/injection": "enabled"}))
    await eventing_core.settled(Broker, "default")


async def test_entries_of_the_registry_are_ready_when_their_broker_exists(
    eventing_core: Any,
) -> None:
    entry = {
        "apiVersion": ALPHA,
        "kind": "EventType",
        "metadata": {"name": "org.bitbucket.repofork"},
        "spec": {"type": "org.bitbucket.repo:fork", "source": "bitbucket.org", "broker": "dev"},
    }
    await eventing_core.apply(entry)
    found = await eventing_core.settled(
        EventType, "org.bitbucket.repofork", status="False", reason="ResourceDoesNotExist"
    )
    assert found.spec.value_of("type") == "org.bitbucket.repo:fork"
    await eventing_core.apply(a_broker("dev"))
    await eventing_core.settled(EventType, "org.bitbucket.repofork")


async def test_config_maps_that_make_no_sense_are_refused(eventing_core: Any) -> None:
    world = eventing_core.world
    config = await world.client.get(ConfigMap, "config-br-default-channel", "knative-eventing")
    config.data = {"channel-template-spec": "kind: X"}
    with pytest.raises(BadRequestError, match="needs both apiVersion and kind"):
        await world.client.update(config)


async def test_events_that_were_seen_are_registered_on_request(eventing_core: Any) -> None:
    world, plane = eventing_core.world, eventing_core.plane
    await eventing_core.apply(a_broker())
    await eventing_core.settled(Broker, "default")
    plane.see(ObservedType("broker/default/default", "a.b", "me", "urn:schema"))
    config = ConfigMap(
        metadata=ObjectMeta(name="config-features", namespace="knative-eventing"),
        data={"eventtype-auto-create": "enabled"},
    )
    assert not await world.all(EventType, "default")
    await world.given(config)

    async def registered() -> EventType | None:
        return next(iter(await world.all(EventType, "default")), None)

    found = await world.eventually(registered)
    assert re.fullmatch(r"et-default-[0-9a-f]{32}", found.metadata.name)
    assert found.spec.value_of("type") == "a.b"
    assert found.spec.reference.kind == "Broker"
    assert found.metadata.owner_references[0].kind == "Broker"
    await eventing_core.settled(EventType, found.metadata.name)
    config = await world.client.get(ConfigMap, "config-features", "knative-eventing")
    config.data = {"authentication-oidc": "enabled"}
    with pytest.raises(BadRequestError, match=r"authentication-oidc: .* not supported"):
        await world.client.update(config)


async def test_what_was_ready_stays_so_while_the_control_plane_starts(
    eventing_core: Any, a_ksvc: Any
) -> None:
    """The event process goes on by itself meanwhile."""
    world, plane = eventing_core.world, eventing_core.plane
    await world.given(a_ksvc("display"))
    await eventing_core.apply(a_broker())
    await eventing_core.apply(a_trigger())
    triggers = world.manager.informer(Trigger)
    await world.eventually(lambda: (t := triggers.get("t", "default")) and t.status.is_ready)
    changes: list[str] = []

    def note(change: Any) -> None:
        ready = change.object.status.condition("Ready")
        if ready is None or not ready.is_true:
            changes.append(str(change.object))

    for model in (Broker, NatsJetStreamChannel, Trigger):
        world.manager.informer(model).add_handler(note)
    plane.set_health(ServingPhase.PENDING, "DispatcherNotReady", "the event path is starting")
    await eventing_core.apply(a_broker("later"))
    await eventing_core.settled(
        Broker, "later", condition="IngressReady", status="Unknown", reason="DispatcherNotReady"
    )
    assert [name for name in changes if "later" not in name] == []
