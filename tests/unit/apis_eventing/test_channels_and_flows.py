"""Channels, Subscriptions, Sequences and Parallels: defaults, faults, the shapes of 2019."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wakeful.apis.duck import LegacyShapeError
from wakeful.apis.messaging import register
from wakeful.apis.messaging.config import parse_channel_defaults
from wakeful.apis.messaging.resources import RESOURCES

M, ALPHA = "messaging.knative.dev/v1", "messaging.knative.dev/v1alpha1"
FLOWS = "flows.knative.dev/v1"
REF = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "first"}
CHANNEL = {"apiVersion": M, "kind": "InMemoryChannel", "name": "c"}
TEMPLATE = {"apiVersion": ALPHA, "kind": "InMemoryChannel"}
SUBSCRIBER = {"uid": "u", "generation": 1, "subscriberUri": "http://a"}


def make(kind: str, spec: Any = None, version: str = M, **meta: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec or {}}


def test_a_channel_gets_the_kind_of_its_namespace(admit: Any) -> None:
    found, denial = admit(make("Channel"))
    assert denial == ""
    assert found.spec.channel_template.to_wire() == {"apiVersion": M, "kind": "InMemoryChannel"}
    assert found.metadata.annotations == {"messaging.knative.dev/subscribable": "v1"}
    entry = """
clusterDefault: {apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel}
namespaceDefaults:
  default:
    apiVersion: messaging.knative.dev/v1beta1
    kind: KafkaChannel
    spec: {numPartitions: 2}
"""
    maps = {"default-ch-webhook": {"default-ch-config": entry}}
    found, denial = admit(make("Channel"), maps=maps)
    assert found.spec.channel_template.spec == {"numPartitions": 2}
    assert admit(make("Channel"), found)[1] == ""  # what was chosen stays


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"x": "y"}, 'missing (or empty) key: "default-ch-config"'),
        ({"default-ch-config": "clusterDefault: {kind: X}"}, "needs both apiVersion and kind"),
        ({"default-ch-config": "clusterDefault: {kind: 3}"}, "clusterDefault.kind"),
    ],
)
def test_channel_defaults_that_make_no_sense_are_refused(data: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_channel_defaults(data)


def test_channels_are_not_changed_by_hand(admit: Any) -> None:
    denial = admit(make("Channel", {"subscribers": [SUBSCRIBER]}))[1]
    assert denial == "must not set the field(s): spec.subscribable.subscribers"
    old = admit(make("Channel"))[0]
    changed = make("Channel", {"channelTemplate": {"apiVersion": M, "kind": "Other"}})
    assert admit(changed, old)[1].startswith("Immutable fields changed (-old +new): spec\n")

    kinds = (("InMemoryChannel", M), ("NatsJetStreamChannel", ALPHA))
    for kind, version in kinds:
        old = admit(make(kind, version=version))[0]
        added = make(kind, {"subscribers": [SUBSCRIBER]}, version)
        assert admit(added, old, username="jane")[1].startswith(
            "Channel.Spec.Subscribers changed by user jane which was not the"
            " system:serviceaccount:knative-eventing:eventing-controller service account:"
            " spec.subscribers\n"
        )
        for user in register.CONTROLLERS:
            assert admit(added, old, username=user)[1] == ""


def test_faulty_channels_are_refused(admit: Any) -> None:
    scope = {"eventing.knative.dev/scope": "world"}
    denial = admit(make("InMemoryChannel", {"subscribers": [{"uid": "u"}]}, annotations=scope))[1]
    assert denial == (
        "invalid value: world: metadata.annotations.[eventing.knative.dev/scope]\n"
        "expected either 'cluster' or 'namespace'\n"
        "missing field(s): spec.subscribable.subscriber[0].replyURI,"
        " spec.subscribable.subscriber[0].subscriberURI\n"
        "expected at least one of, got none"
    )
    spec = {
        "stream": {"config": {"retention": "Forever", "maxAge": "1 day", "replicas": 9}},
        "consumerConfigTemplate": {"deliverPolicy": "ByStartTime"},
    }
    denial = admit(make("NatsJetStreamChannel", spec, ALPHA))[1]
    assert "invalid value: Forever: spec.stream.config.retention" in denial
    assert "invalid value: 1 day: spec.stream.config.maxAge" in denial
    assert "invalid value: 9: spec.stream.config.replicas" in denial
    assert "missing field(s): spec.consumerConfigTemplate.optStartTime" in denial


def test_channels_of_2019_nest_their_subscribers(to_hub: Any) -> None:
    nested = [{"uid": "u", "generation": 1, "subscriberURI": "http://a", "replyURI": "http://b"}]
    status: dict[str, Any] = {
        "address": {"url": "http://c-kn-channel.default.svc.cluster.local"},
        "subscribableStatus": {"subscribers": [{"uid": "u", "ready": "True"}]},
    }
    wire = make("InMemoryChannel", {"subscribable": {"subscribers": nested}}, ALPHA)
    hub = to_hub(wire | {"status": status})
    assert hub["spec"] == {"subscribers": [SUBSCRIBER | {"replyUri": "http://b"}]}
    assert hub["status"]["subscribers"] == [{"uid": "u", "ready": "True"}]
    resource = next(r for r in RESOURCES if r.kind == "InMemoryChannel")
    old = next(v for v in resource.served_versions if v.name == "v1alpha1")
    assert old.from_hub is not None
    written = old.from_hub(hub)
    assert written["spec"] == wire["spec"]
    assert written["status"] == status | {
        "address": status["address"] | {"hostname": "c-kn-channel.default.svc.cluster.local"}
    }


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"channel": CHANNEL, "subscriber": {"ref": REF}}, ""),
        ({}, "missing field(s): spec.channel\nthe Subscription must reference a channel"),
        (
            {"channel": CHANNEL},
            "missing field(s): spec.subscriber\nthe Subscription must reference a subscriber",
        ),
        (
            {"channel": CHANNEL | {"namespace": "x"}, "subscriber": {"ref": REF}},
            "must not set the field(s): spec.channel.namespace\nonly name, apiVersion and kind are"
            " supported fields when feature.CrossNamespaceEventLinks is disabled",
        ),
        (
            {"channel": CHANNEL, "subscriber": {"ref": REF}, "reply": {"uri": "/x"}},
            "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is"
            " absent: spec.reply.uri",
        ),
    ],
)
def test_subscriptions_are_validated(admit: Any, spec: Any, text: str) -> None:
    assert admit(make("Subscription", spec))[1] == text


def test_a_subscription_stays_with_its_channel(admit: Any) -> None:
    spec = {"channel": CHANNEL, "subscriber": {"ref": REF}}
    old = admit(make("Subscription", spec))[0]
    moved = make("Subscription", spec | {"channel": CHANNEL | {"name": "d"}})
    assert admit(moved, old)[1].startswith("Immutable fields changed (-old +new): spec\n")
    assert admit(make("Subscription", spec | {"subscriber": {"uri": "http://x"}}), old)[1] == ""


def test_subscriptions_of_2019_wrap_their_reply(admit: Any) -> None:
    spec = {"channel": CHANNEL, "subscriber": {"ref": REF}, "reply": {"channel": CHANNEL}}
    found, denial = admit(make("Subscription", spec, ALPHA))
    assert denial == ""
    assert found.spec.reply.ref.name == "c"
    only_reply = {"channel": CHANNEL, "reply": {"channel": CHANNEL}}
    found, denial = admit(make("Subscription", only_reply, ALPHA))
    assert denial == ""
    assert (found.spec.subscriber.ref.name, found.spec.reply) == ("c", None)
    with pytest.raises(LegacyShapeError, match="at least one of"):
        admit(make("Subscription", {"channel": CHANNEL}, ALPHA))
    bad = CHANNEL | {"namespace": "x"}
    with pytest.raises(LegacyShapeError, match="only name, apiVersion and kind"):
        admit(make("Subscription", {"channel": bad, "subscriber": {"ref": REF}}, ALPHA))


def test_the_book_s_sequence_is_read(admit: Any) -> None:
    spec = {
        "channelTemplate": TEMPLATE,
        "steps": [{"ref": REF}, {"ref": REF | {"name": "second"}}],
        "reply": {"kind": "Broker", "apiVersion": "eventing.knative.dev/v1alpha1", "name": "b"},
    }
    found, denial = admit(make("Sequence", spec, ALPHA))
    assert denial == ""
    assert found.gvk.api_version == FLOWS
    assert found.spec.reply.ref.key_in("x").name == "b"
    assert [step.ref.namespace for step in found.spec.steps] == ["default", "default"]
    with pytest.raises(LegacyShapeError, match=r"spec\.steps\[0\]\.kind"):
        admit(make("Sequence", {"steps": [REF]}, ALPHA))


def test_the_book_s_parallel_has_cases(admit: Any) -> None:
    case = {
        "filter": {"uri": "http://me-even-odd-switcher.default.svc.cluster.local/0"},
        "subscriber": {"ref": REF},
    }
    spec = {"channelTemplate": TEMPLATE, "cases": [case], "reply": REF}
    found, denial = admit(make("Parallel", spec, ALPHA))
    assert denial == ""
    assert found.spec.branches[0].filter.uri.endswith("/0")
    assert found.spec.reply.ref.name == "first"
    with pytest.raises(LegacyShapeError, match=r"got both: spec\.branches, spec\.cases"):
        admit(make("Parallel", spec | {"branches": [case]}, ALPHA))


def test_faulty_flows_are_refused(admit: Any) -> None:
    found, denial = admit(make("Sequence", version=FLOWS))
    assert denial == "missing field(s): spec.steps"
    assert found.spec.channel_template.kind == "InMemoryChannel"
    denial = admit(make("Sequence", {"steps": [{"uri": "/x"}]}, FLOWS))[1]
    assert denial.startswith('invalid value: {"uri":"/x"}: spec.steps[0]\n')
    bad = {"branches": [{"filter": {}, "subscriber": {"uri": "http://x"}}], "reply": {}}
    denial = admit(make("Parallel", bad, FLOWS))[1]
    assert "spec.branches.filter[0]" in denial
    assert "expected at least one, got none: spec.reply.ref, spec.reply.uri" in denial
    template = {"steps": [{"uri": "http://x"}], "channelTemplate": {}}
    assert admit(make("Sequence", template, FLOWS))[1] == (
        "missing field(s): spec.channelTemplate.apiVersion, spec.channelTemplate.kind"
    )
