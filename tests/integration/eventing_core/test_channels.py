"""Channels, Subscriptions, Sequences and Parallels: what they are made of and what they say."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.apis.core import Service as KubeService
from wakeful.apis.flows import Parallel, Sequence
from wakeful.apis.messaging import Channel, InMemoryChannel, NatsJetStreamChannel, Subscription
from wakeful.apis.messaging.dataplane_role import ServingPhase, ServingState

M, ALPHA, FLOWS = (
    "messaging.knative.dev/v1",
    "messaging.knative.dev/v1alpha1",
    "flows.knative.dev/v1",
)
KSVC = {"apiVersion": "serving.knative.dev/v1alpha1", "kind": "Service"}
TEMPLATE = {"apiVersion": ALPHA, "kind": "InMemoryChannel"}


def make(kind: str, name: str, spec: Any = None, version: str = M) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec or {}}


def host(channel: str) -> str:
    return f"http://{channel}-kn-channel.default.svc.cluster.local"


async def test_a_channel_is_backed_by_one_of_the_default_kind(
    eventing_core: Any, a_ksvc: Any
) -> None:
    """A Subscription of the generic Channel is one of the channel behind it."""
    world = eventing_core.world
    await world.given(a_ksvc("display"))
    spec = {
        "channel": {"apiVersion": M, "kind": "Channel", "name": "c"},
        "subscriber": {"ref": KSVC | {"name": "display"}},
    }
    await eventing_core.apply(make("Subscription", "s", spec))
    await eventing_core.settled(
        Subscription,
        "s",
        condition="ReferencesResolved",
        status="Unknown",
        reason="ChannelReferenceFailed",
    )
    await eventing_core.apply(make("Channel", "c"))
    channel = await eventing_core.settled(Channel, "c")
    assert channel.status.address.url == host("c")
    assert channel.status.channel.to_wire() == {
        "apiVersion": M,
        "kind": "InMemoryChannel",
        "name": "c",
        "namespace": "default",
    }
    subscription = await eventing_core.settled(Subscription, "s")
    backing = await world.find(InMemoryChannel, "c")
    [entry] = backing.spec.subscribers
    assert (entry.uid, entry.subscriber_uri) == (
        subscription.metadata.uid,
        "http://display.default.svc.cluster.local",
    )

    async def mirrored() -> bool:
        found = await world.find(Channel, "c")
        return [s.ready for s in found.status.subscribers] == ["True"]

    await world.eventually(mirrored)
    await world.client.delete(Subscription, "s", "default")

    async def gone() -> bool:
        backing = await world.find(InMemoryChannel, "c")
        return not backing.spec.subscribers and not backing.status.subscribers

    await world.eventually(gone)


async def test_a_name_that_is_taken_is_told(eventing_core: Any) -> None:
    world = eventing_core.world
    await world.given(
        KubeService.from_wire(
            {
                "metadata": {"name": "c-kn-channel", "namespace": "default"},
                "spec": {"ports": [{"port": 80}]},
            }
        )
    )
    await eventing_core.apply(make("InMemoryChannel", "c"))
    channel = await eventing_core.settled(
        InMemoryChannel, "c", condition="ChannelServiceReady", status="False"
    )
    assert channel.status.condition("Ready").message == (
        'InMemoryChannel default/c does not own Service "c-kn-channel"'
    )


async def test_a_stream_that_cannot_be_made_is_told(eventing_core: Any) -> None:
    plane = eventing_core.plane
    text = "the disk is full"
    plane.channels["c"] = ServingState(ServingPhase.REFUSED, "StreamCreationFailed", text)
    await eventing_core.apply(make("NatsJetStreamChannel", "c", version=ALPHA))
    channel = await eventing_core.settled(
        NatsJetStreamChannel, "c", status="False", reason="StreamCreationFailed"
    )
    assert channel.status.condition("StreamReady").message == text
    assert channel.status.condition("DispatcherReady").status == "True"
    plane.channels.clear()
    plane.tell("NatsJetStreamChannel", "c")
    await eventing_core.settled(NatsJetStreamChannel, "c")


async def test_many_subscriptions_of_one_channel_do_not_lose_each_other(
    eventing_core: Any, a_ksvc: Any
) -> None:
    world = eventing_core.world
    await eventing_core.apply(make("InMemoryChannel", "c"))
    for number in range(30):
        spec = {
            "channel": {"apiVersion": M, "kind": "InMemoryChannel", "name": "c"},
            "subscriber": {"uri": f"http://example.test/{number}"},
        }
        await eventing_core.apply(make("Subscription", f"s{number}", spec))
    for number in range(30):
        await eventing_core.settled(Subscription, f"s{number}")
    channel = await world.find(InMemoryChannel, "c")
    assert {s.subscriber_uri for s in channel.spec.subscribers} == {
        f"http://example.test/{number}" for number in range(30)
    }


async def test_the_book_s_sequence_is_a_row_of_channels(eventing_core: Any, a_ksvc: Any) -> None:
    world = eventing_core.world
    for name in ("first", "second", "third", "display"):
        await world.given(a_ksvc(name))
    spec = {
        "channelTemplate": TEMPLATE,
        "steps": [{"ref": KSVC | {"name": name}} for name in ("first", "second", "third")],
        "reply": KSVC | {"name": "display"},
    }
    answer = await eventing_core.apply(make("Sequence", "sequence", spec, ALPHA))
    assert answer["apiVersion"] == ALPHA
    sequence = await eventing_core.settled(Sequence, "sequence")
    assert sequence.status.address.url == host("sequence-kn-sequence-0")
    assert [c.channel.name for c in sequence.status.channel_statuses] == [
        f"sequence-kn-sequence-{i}" for i in range(3)
    ]
    assert [s.ready.status for s in sequence.status.subscription_statuses] == ["True"] * 3
    found = {}
    for step in range(3):
        channel = await world.find(InMemoryChannel, f"sequence-kn-sequence-{step}")
        [entry] = channel.spec.subscribers
        found[step] = (entry.subscriber_uri, entry.reply_uri)
    assert found == {
        0: ("http://first.default.svc.cluster.local", host("sequence-kn-sequence-1")),
        1: ("http://second.default.svc.cluster.local", host("sequence-kn-sequence-2")),
        2: (
            "http://third.default.svc.cluster.local",
            "http://display.default.svc.cluster.local",
        ),
    }

    sequence.spec.steps = sequence.spec.steps[:1]
    await world.client.update(sequence)

    async def shrunk() -> bool:
        subscriptions = [s.metadata.name for s in await world.all(Subscription, "default")]
        channels = [c.metadata.name for c in await world.all(InMemoryChannel, "default")]
        return subscriptions == channels == ["sequence-kn-sequence-0"]

    await world.eventually(shrunk)
    channel = await world.find(InMemoryChannel, "sequence-kn-sequence-0")
    assert channel.spec.subscribers[0].reply_uri == "http://display.default.svc.cluster.local"


async def test_sequences_follow_one_another(eventing_core: Any, a_ksvc: Any) -> None:
    """The reply of one is another, named as in the book by its group of 2019."""
    world = eventing_core.world
    await world.given(a_ksvc("first"))
    steps = [{"ref": KSVC | {"name": "first"}}]
    reply = {"kind": "Sequence", "apiVersion": ALPHA, "name": "second"}
    spec = {"channelTemplate": TEMPLATE, "steps": steps, "reply": reply}
    await eventing_core.apply(make("Sequence", "one", spec, ALPHA))
    await eventing_core.settled(Sequence, "one", condition="SubscriptionsReady", status="Unknown")
    later = {"channelTemplate": TEMPLATE, "steps": steps}
    await eventing_core.apply(make("Sequence", "second", later, ALPHA))
    await eventing_core.settled(Sequence, "one")
    channel = await world.find(InMemoryChannel, "one-kn-sequence-0")
    assert channel.spec.subscribers[0].reply_uri == host("second-kn-sequence-0")


async def test_the_book_s_parallel_has_filters_before_its_branches(
    eventing_core: Any, a_ksvc: Any
) -> None:
    world = eventing_core.world
    for name in ("even", "display"):
        await world.given(a_ksvc(name))
    switcher = "http://me-even-odd-switcher.default.svc.cluster.local"
    spec = {
        "channelTemplate": TEMPLATE,
        "cases": [
            {"filter": {"uri": f"{switcher}/0"}, "subscriber": {"ref": KSVC | {"name": "even"}}},
            {"subscriber": {"uri": "http://odd.test"}, "reply": {"uri": "http://other.test"}},
        ],
        "reply": KSVC | {"name": "display"},
    }
    await eventing_core.apply(make("Parallel", "p", spec, ALPHA))
    parallel = await eventing_core.settled(Parallel, "p")
    assert parallel.status.address.url == host("p-kn-parallel")
    assert parallel.status.ingress_channel_status.channel.name == "p-kn-parallel"
    branch = parallel.status.branch_statuses[0]
    assert branch.filter_subscription_status.subscription.name == "p-kn-parallel-filter-0"
    assert branch.filter_channel_status.channel.name == "p-kn-parallel-0"
    assert branch.subscriber_subscription_status.subscription.name == "p-kn-parallel-0"
    found = {}
    for name in ("p-kn-parallel", "p-kn-parallel-0", "p-kn-parallel-1"):
        channel = await world.find(InMemoryChannel, name)
        found[name] = sorted((s.subscriber_uri, s.reply_uri) for s in channel.spec.subscribers)
    assert found == {
        "p-kn-parallel": sorted(
            [(f"{switcher}/0", host("p-kn-parallel-0")), (host("p-kn-parallel-1"), "")]
        ),
        "p-kn-parallel-0": [
            (
                "http://even.default.svc.cluster.local",
                "http://display.default.svc.cluster.local",
            )
        ],
        "p-kn-parallel-1": [("http://odd.test", "http://other.test")],
    }


async def test_a_flow_of_an_unknown_kind_of_channel_says_so(eventing_core: Any) -> None:
    template = {"apiVersion": M, "kind": "Fax"}
    steps = [{"uri": "http://x.test"}]
    await eventing_core.apply(
        make("Sequence", "s", {"channelTemplate": template, "steps": steps}, FLOWS)
    )
    sequence = await eventing_core.settled(Sequence, "s", status="Unknown")
    assert 'no matches for kind "Fax"' in sequence.status.condition("ChannelsReady").message
    branches = [{"subscriber": {"uri": "http://x.test"}}]
    await eventing_core.apply(
        make("Parallel", "p", {"channelTemplate": template, "branches": branches}, FLOWS)
    )
    await eventing_core.settled(Parallel, "p", status="False", reason="ChannelsNotReady")


async def test_a_subscription_says_what_it_cannot_find(eventing_core: Any) -> None:
    await eventing_core.apply(make("InMemoryChannel", "c"))
    channel = {"apiVersion": M, "kind": "InMemoryChannel", "name": "c"}
    missing = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "nobody"}}
    there = {"uri": "http://x.test"}
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "subscriber": ({"subscriber": missing}, "SubscriberResolveFailed"),
        "reply": ({"subscriber": there, "reply": missing}, "ReplyResolveFailed"),
        "sink": (
            {"subscriber": there, "delivery": {"deadLetterSink": missing}},
            "DeadLetterSinkResolveFailed",
        ),
    }
    for name, (spec, reason) in cases.items():
        await eventing_core.apply(make("Subscription", name, {"channel": channel} | spec))
        found = await eventing_core.settled(
            Subscription, name, condition="ReferencesResolved", status="False", reason=reason
        )
        text = found.status.condition("ReferencesResolved").message
        assert text.endswith('failed to get object default/nobody: Service "nobody" not found')


async def test_kinds_of_users_own_can_get_events(eventing_core: Any) -> None:
    """What has an address is a destination, whoever defined it."""
    world = eventing_core.world
    await eventing_core.apply(make("InMemoryChannel", "c"))
    definition = {
        "metadata": {"name": "mailboxes.example.test"},
        "spec": {
            "group": "example.test",
            "scope": "Namespaced",
            "names": {"plural": "mailboxes", "kind": "Mailbox"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }
    await world.client.create(CustomResourceDefinition.from_wire(definition))
    ref = {"apiVersion": "example.test/v1", "kind": "Mailbox", "name": "mine"}
    channel = {"apiVersion": M, "kind": "InMemoryChannel", "name": "c"}
    spec = {"channel": channel, "subscriber": {"ref": ref}}
    await eventing_core.apply(make("Subscription", "s", spec))
    found = await eventing_core.settled(
        Subscription, "s", condition="ReferencesResolved", status="False"
    )
    assert 'Mailbox.example.test "mine" not found' in (
        found.status.condition("ReferencesResolved").message
    )
    mailbox = {
        "apiVersion": "example.test/v1",
        "kind": "Mailbox",
        "metadata": {"name": "mine"},
        "status": {"address": {"url": "https://mail.test/in"}},
    }
    await world.client.transport.call(
        APIRequest(
            Verb.CREATE, "example.test", "v1", "mailboxes", namespace="default", body=mailbox
        )
    )
    subscription = await world.client.get(Subscription, "s", "default")
    subscription.metadata.annotations["look"] = "again"  # else it is looked at after a while
    await world.client.update(subscription)
    found = await eventing_core.settled(Subscription, "s")
    assert found.status.physical_subscription.subscriber_uri == "https://mail.test/in"
    nonsense = {"channel": channel, "subscriber": {"ref": ref | {"kind": "Fax"}}}
    await eventing_core.apply(make("Subscription", "fax", nonsense))
    found = await eventing_core.settled(
        Subscription, "fax", condition="ReferencesResolved", status="False"
    )
    text = found.status.condition("ReferencesResolved").message
    assert text.endswith('no matches for kind "Fax" in version "example.test/v1"')
