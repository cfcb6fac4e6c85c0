"""What Eventing's reconcilers decide without doing anything: names, selections, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName, ObjectMeta
from wakeful.apis.duck import KReference
from wakeful.apis.eventing import Broker, Trigger
from wakeful.apis.messaging import NatsJetStreamChannel
from wakeful.reconciler.eventing.broker.resources import (
    broker_address,
    channel_annotations,
    channel_name,
)
from wakeful.reconciler.eventing.destinations import select_address
from wakeful.reconciler.eventing.injection.selection import (
    SugarConfig,
    parse_sugar,
    trigger_wants_broker,
    wants_broker,
)
from wakeful.reconciler.eventing.references import Found, UnresolvedError
from wakeful.reconciler.eventing.trigger.resources import filter_uri, subscription_name
from wakeful.reconciler.messaging.physicalchannel.resources import channel_address, make_service

KEY = NamespacedName("ns", "x")


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({}, False),
        ({"knative-eventing-injection": "enabled"}, True),
        ({"eventing.knative.dev/injection": "enabled"}, True),
        ({"knative-eventing-injection": "yes"}, False),
        ({"eventing.knative.dev/injection": "disabled", "team": "events"}, False),
        ({"team": "events"}, True),
    ],
)
def test_namespaces_ask_for_a_broker_in_the_words_of_both_eras(
    labels: dict[str, str], wanted: bool
) -> None:
    sugar = parse_sugar({"namespace-selector": "matchLabels: {team: events}"})
    assert wants_broker(ObjectMeta(name="n", labels=labels), sugar) is wanted


def test_triggers_ask_for_the_default_broker_only() -> None:
    def trigger(broker: str, **meta: dict[str, str]) -> Trigger:
        return Trigger.from_wire({"metadata": meta, "spec": {"broker": broker}})

    enabled = {"knative-eventing-injection": "enabled"}
    off = SugarConfig()
    assert trigger_wants_broker(trigger("default", annotations=enabled), off)
    assert not trigger_wants_broker(trigger("other", annotations=enabled), off)
    assert not trigger_wants_broker(trigger("default"), off)
    sugar = parse_sugar({"trigger-selector": "matchLabels: {a: b}"})
    assert trigger_wants_broker(trigger("default", labels={"a": "b"}), sugar)


@pytest.mark.parametrize("text", ["[", "3", "matchLabels: 3", "matchExpressions: [{key: a}]"])
def test_selectors_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        parse_sugar({"namespace-selector": text})


def test_names_and_addresses_are_upstream_s() -> None:
    meta = {"name": "b", "namespace": "ns", "uid": "u"}
    broker = Broker.from_wire({"metadata": meta})
    assert channel_name("b") == "b-kne-trigger"
    assert len(channel_name("b" * 60)) == 63
    assert broker_address(broker).url == (
        "http://broker-ingress.knative-eventing.svc.cluster.local/ns/b"
    )
    passed = {"messaging.knative.dev/async-handler": "true", "other": "x"}
    assert channel_annotations(passed) == {
        "eventing.knative.dev/scope": "cluster",
        "messaging.knative.dev/async-handler": "true",
    }
    trigger = Trigger.from_wire({"metadata": meta | {"name": "t"}, "spec": {"broker": "b"}})
    assert subscription_name(trigger) == "b-t-u"
    assert filter_uri(trigger) == (
        "http://broker-filter.knative-eventing.svc.cluster.local/triggers/ns/t/u"
    )
    channel = NatsJetStreamChannel.from_wire({"metadata": meta | {"name": "c" * 60}})
    host = f"{make_service(channel, 'gw').metadata.name}.ns.svc.cluster.local"
    assert channel_address(channel).url == f"http://{host}"
    assert len(host.partition(".")[0]) <= 63


def found(status: dict[str, Any]) -> Found:
    return Found(GroupVersionKind("a", "v1", "K"), KEY, 1, status)


def test_the_named_address_is_chosen_else_the_first_one() -> None:
    status = {
        "address": {"url": "http://old"},
        "addresses": [{"name": "https", "url": "https://x"}, {"name": "http", "url": "http://x"}],
    }
    assert select_address(found(status), KReference(kind="K"), KEY).url == "https://x"
    ref = KReference(kind="K", address="http")
    assert select_address(found(status), ref, KEY).url == "http://x"
    old = {"address": {"hostname": "x.ns.svc.cluster.local"}}
    assert select_address(found(old), KReference(kind="K"), KEY).url == (
        "http://x.ns.svc.cluster.local"
    )


@pytest.mark.parametrize(
    ("status", "address", "text"),
    [
        ({}, "", "address not set for K ns/x"),
        ({"address": {}}, "", "URL missing in address of K ns/x"),
        ({"address": {"url": "/path"}}, "", "hostname missing in address of K ns/x"),
        ({"address": 3}, "", "address of K ns/x cannot be read"),
        (
            {"address": {"url": "http://x"}},
            "https",
            'address with name "https" not found for K ns/x',
        ),
    ],
)
def test_an_address_that_cannot_be_used_is_told(
    status: dict[str, Any], address: str, text: str
) -> None:
    with pytest.raises(UnresolvedError) as caught:
        select_address(found(status), KReference(kind="K", address=address), KEY)
    assert str(caught.value) == text
