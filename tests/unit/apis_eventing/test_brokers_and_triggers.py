"""Brokers and Triggers: defaults of both eras, faults in upstream's words, what may change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wakeful.apis.duck import LegacyShapeError
from wakeful.apis.eventing import BROKER_CONDITIONS, TRIGGER_CONDITIONS, Broker, Trigger
from wakeful.apis.eventing.config import (
    parse_broker_defaults,
    parse_channel_template,
    validate_channel_template_map,
)
from wakeful.apis.eventing.resources import RESOURCES

V1, ALPHA = "eventing.knative.dev/v1", "eventing.knative.dev/v1alpha1"
REF = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "display"}
TEMPLATE = {"apiVersion": "messaging.knative.dev/v1alpha1", "kind": "InMemoryChannel"}


def broker(spec: Any = None, version: str = V1, **meta: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": "Broker", "metadata": meta, "spec": spec or {}}


def trigger(spec: Any = None, version: str = V1, **meta: Any) -> dict[str, Any]:
    full = {"subscriber": {"ref": REF}} | (spec or {})
    return {"apiVersion": version, "kind": "Trigger", "metadata": meta, "spec": full}


def test_a_broker_is_durable_and_retries_unless_told_otherwise(admit: Any) -> None:
    found, denial = admit(broker())
    assert denial == ""
    assert found.broker_class == "MTChannelBasedBroker"
    assert found.spec.to_wire() == {
        "config": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "config-br-default-channel",
            "namespace": "knative-eventing",
        },
        "delivery": {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"},
    }


def test_the_book_s_channel_template_is_kept(admit: Any) -> None:
    """Upstream's own conversion lost it; it stands in for a config."""
    found, denial = admit(broker({"channelTemplateSpec": TEMPLATE}, ALPHA))
    assert denial == ""
    assert found.spec.config is None
    assert found.spec.channel_template_spec.to_wire() == TEMPLATE


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"config": {}},
            "missing field(s): spec.config.apiVersion, spec.config.kind, spec.config.name",
        ),
        (
            {"channelTemplateSpec": {}},
            "missing field(s): spec.channelTemplateSpec.apiVersion, spec.channelTemplateSpec.kind",
        ),
        (
            {"channelTemplateSpec": TEMPLATE, "config": {**REF, "namespace": "other"}},
            "expected exactly one, got both: spec.channelTemplateSpec, spec.config",
        ),
        ({"delivery": {"retry": -1}}, "invalid value: -1: spec.delivery.retry"),
    ],
)
def test_faulty_brokers_are_refused(admit: Any, spec: Any, text: str) -> None:
    assert admit(broker(spec))[1] == text


def test_only_delivery_of_a_broker_may_change(admit: Any) -> None:
    old = admit(broker())[0]
    assert admit(broker({"delivery": {"retry": 1}}), old)[1] == ""
    changed = broker({"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine"}})
    assert "Immutable fields changed (-old +new): spec" in admit(changed, old)[1]
    other = broker(annotations={"eventing.knative.dev/broker.class": "Kafka"})
    assert "Immutable annotations changed (-old +new): annotations" in admit(other, old)[1]


def test_broker_defaults_are_of_the_class_then_of_the_namespace(admit: Any) -> None:
    entry = """
clusterDefault:
  brokerClass: MTChannelBasedBroker
  apiVersion: v1
  kind: ConfigMap
  name: cluster
  namespace: knative-eventing
  brokerClasses:
    Kafka: {apiVersion: v1, kind: ConfigMap, name: kafka, namespace: knative-eventing}
namespaceDefaults:
  default:
    brokerClass: Mine
    apiVersion: v1
    kind: ConfigMap
    name: mine
    disallowDifferentNamespaceConfig: true
"""
    maps = {"config-br-defaults": {"default-br-config": entry}}
    found, denial = admit(broker(), maps=maps)
    assert denial == ""
    assert (found.broker_class, found.spec.config.name) == ("Mine", "mine")
    assert found.spec.config.namespace == "default"
    kafka = broker(annotations={"eventing.knative.dev/broker.class": "Kafka"})
    found, denial = admit(kafka, maps=maps)
    assert found.spec.config.name == "kafka"
    assert denial == (
        "mismatched namespaces: spec.config.namespace\n"
        'parent namespace: "default" does not match ref: "knative-eventing"'
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"other": "x"}, 'ConfigMap is missing (or empty) key: "default-br-config"'),
        ({"default-br-config": ": ["}, "default-br-config is not YAML"),
        ({"default-br-config": "[]"}, "default-br-config is not an object"),
        ({"default-br-config": "clusterDefault: 3"}, "default-br-config: "),
        ({"default-br-config": "clusterDefault: {delivery: {retry: x}}"}, "delivery.retry"),
        ({"default-br-config": "clusterDefault: {delivery: {retry: -1}}"}, "invalid value: -1"),
        ({"default-br-config": "namespaceDefaults: {a: 1}"}, "default-br-config: "),
        ({"default-br-config": "namespaceDefaults: [a]"}, "defaults must be objects"),
    ],
)
def test_broker_defaults_that_make_no_sense_are_refused(data: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_broker_defaults(data)


def test_channel_templates_of_brokers_have_two_spellings() -> None:
    text = "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"
    for key in ("channel-template-spec", "channelTemplateSpec"):
        assert parse_channel_template({key: text}).kind == "InMemoryChannel"
    validate_channel_template_map({})
    with pytest.raises(ValueError, match='missing key "channel-template-spec"'):
        parse_channel_template({})
    with pytest.raises(ValueError, match="needs both apiVersion and kind"):
        validate_channel_template_map({"channel-template-spec": "kind: X"})


def test_a_trigger_of_today_must_name_its_broker(admit: Any) -> None:
    assert admit(trigger())[1] == "missing field(s): spec.broker"
    both = {"broker": "a", "brokerRef": {"name": "b", "kind": "Broker", "apiVersion": V1}}
    assert admit(trigger(both))[1] == "expected exactly one, got both: spec.broker, spec.brokerRef"
    found, denial = admit(trigger({"broker": "default"}))
    assert denial == ""
    assert found.metadata.labels == {"eventing.knative.dev/broker": "default"}
    assert found.spec.subscriber.ref.namespace == "default"
    assert found.to_wire()["spec"]["filter"] == {}


def test_a_trigger_of_2019_reads_from_the_default_broker(admit: Any) -> None:
    found, denial = admit(trigger({"filter": {"sourceAndType": {"type": "a.b"}}}, ALPHA))
    assert denial == ""
    assert found.spec.broker == "default"
    assert found.spec.filter.attributes == {"type": "a.b", "source": ""}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"filter": {"attributes": {}}},
            "At least one filtered attribute must be specified: spec.filter.attributes",
        ),
        (
            {"filter": {"attributes": {"type": "x"}, "sourceAndType": {"type": "x"}}},
            "expected exactly one, got both: spec.filter.attributes, spec.filter.sourceAndType",
        ),
        (
            {"subscriber": {"kind": "Service", "name": "x"}},
            "invalid value: kind is not allowed here, it's a deprecated value:"
            " spec.subscriber.kind",
        ),
    ],
)
def test_faulty_triggers_of_2019_are_refused(admit: Any, spec: Any, text: str) -> None:
    with pytest.raises(LegacyShapeError) as caught:
        admit(trigger(spec, ALPHA))
    assert text in caught.value.message


_NAME = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
_INJECTED = "metadata.annotations[eventing.knative.dev/injection]"
_DEPENDENCY = "metadata.annotations[knative.dev/dependency]"


@pytest.mark.parametrize(
    ("spec", "annotations", "text"),
    [
        (
            {"subscriber": {}},
            {},
            "expected at least one, got none: spec.subscriber.ref, spec.subscriber.uri",
        ),
        (
            {"filter": {"attributes": {"SOURCE": "x"}}},
            {},
            f'invalid key name "SOURCE": spec.filter.attributes[SOURCE]\n{_NAME}',
        ),
        (
            {"filters": [{"exact": {"type": "x"}, "prefix": {"type": "y"}}]},
            {},
            "multiple dialects found, filters can have only one dialect set: spec.filters[0]",
        ),
        (
            {"filters": [{"not": {"all": [{"exact": {"a_b": "x"}}]}}]},
            {},
            f'invalid key name "a_b": spec.filters[0].not.all[0].exact[a_b]\n{_NAME}',
        ),
        (
            {"filters": [{"any": [{"regex": {"type": "x"}}]}]},
            {},
            "must not set the field(s): spec.filters[0].any[0].regex",
        ),
        (
            {"filters": [{"prefix": {"type": ""}}]},
            {},
            "invalid value: : spec.filters[0].prefix.type\n"
            "the value of an attribute must be text, and not empty",
        ),
        (
            {},
            {"eventing.knative.dev/injection": "yes"},
            'The provided injection annotation value can only be "enabled" or "disabled", not'
            f' "yes": {_INJECTED}',
        ),
        (
            {},
            {"knative-eventing-injection": "disabled"},
            'The provided injection annotation value can only be "enabled", not "disabled":'
            " metadata.annotations[knative-eventing-injection]",
        ),
        (
            {"broker": "other"},
            {"eventing.knative.dev/injection": "enabled"},
            "The provided injection annotation is only used for default broker, but non-default"
            f' broker specified here: "other": {_INJECTED}',
        ),
        (
            {},
            {"knative.dev/dependency": '{"namespace": "other"}'},
            f'Namespace must be empty or equal to the trigger namespace "default":'
            f" {_DEPENDENCY}.namespace\nmissing field(s): {_DEPENDENCY}.apiVersion,"
            f" {_DEPENDENCY}.kind, {_DEPENDENCY}.name",
        ),
        (
            {},
            {"knative.dev/dependency": "nothing"},
            'The provided annotation was not a corev1.ObjectReference: "nothing":'
            f" {_DEPENDENCY}\ninvalid literal",
        ),
    ],
)
def test_faulty_triggers_are_refused(
    admit: Any, spec: Any, annotations: dict[str, str], text: str
) -> None:
    denial = admit(trigger({"broker": "default"} | spec, annotations=annotations))[1]
    assert denial.startswith(text)


def test_filters_may_not_be_nested_without_end(admit: Any) -> None:
    nested: dict[str, Any] = {"exact": {"type": "x"}}
    for _ in range(40):
        nested = {"not": nested}
    assert "nested more than 32 deep" in admit(trigger({"broker": "x", "filters": [nested]}))[1]


def test_a_trigger_stays_with_its_broker(admit: Any) -> None:
    old = admit(trigger({"broker": "default"}))[0]
    denial = admit(trigger({"broker": "other"}), old)[1]
    assert denial == (
        "Immutable fields changed (-old +new): broker, spec\n"
        'broker:\n\t-: "default"\n\t+: "other"\n'
    )
    assert admit(trigger({"broker": "default", "filters": [{"cesql": "TRUE"}]}), old)[1] == ""


def test_old_versions_are_written_in_their_own_words(to_hub: Any) -> None:
    """Statuses have the spellings that clients of 2019 look for."""
    versions = {r.kind: {v.name: v for v in r.served_versions} for r in RESOURCES}
    wire = trigger({"broker": "default"}) | {"status": {"subscriberUri": "http://x"}}
    old = versions["Trigger"]["v1alpha1"]
    assert old.from_hub is not None
    assert old.from_hub(wire)["status"] == {"subscriberURI": "http://x"}
    assert to_hub(old.from_hub(wire) | {"apiVersion": ALPHA})["status"] == wire["status"]

    status = {
        "address": {"url": "http://broker-ingress.knative-eventing.svc.cluster.local/a/b"},
        "annotations": {
            "knative.dev/channelName": "b-kne-trigger",
            "knative.dev/channelKind": "InMemoryChannel",
            "knative.dev/channelAPIVersion": "messaging.knative.dev/v1",
        },
    }
    wire = broker(namespace="a") | {"status": status}
    written = versions["Broker"]["v1alpha1"].from_hub(wire)
    assert written["status"]["address"]["hostname"] == (
        "broker-ingress.knative-eventing.svc.cluster.local"
    )
    channel = {
        "apiVersion": "messaging.knative.dev/v1",
        "kind": "InMemoryChannel",
        "name": "b-kne-trigger",
        "namespace": "a",
    }
    assert written["status"]["triggerChannel"] == written["status"]["IngressChannel"] == channel
    assert to_hub(written | {"apiVersion": ALPHA})["status"] == status


def test_conditions_are_those_of_upstream() -> None:
    assert set(BROKER_CONDITIONS.dependents) == {
        "IngressReady",
        "TriggerChannelReady",
        "FilterReady",
        "Addressable",
        "DeadLetterSinkResolved",
        "EventPoliciesReady",
    }
    assert set(TRIGGER_CONDITIONS.dependents) == {
        "BrokerReady",
        "SubscriptionReady",
        "DependencyReady",
        "SubscriberResolved",
        "DeadLetterSinkResolved",
        "OIDCIdentityCreated",
    }
    status = Trigger().status
    status.manager.initialize()
    status.propagate_broker(None)
    found = status.condition("BrokerReady")
    assert found is not None
    assert (found.status, found.reason) == ("Unknown", "BrokerNotConfigured")
    status.mark_dead_letter_sink_not_configured()
    found = status.condition("DeadLetterSinkResolved")
    assert found is not None
    assert (found.status, found.reason) == ("True", "DeadLetterSinkNotConfigured")
    other = Broker().status
    other.set_address(None)
    found = other.condition("Addressable")
    assert found is not None
    assert (found.status, found.reason, found.message) == ("False", "nil URL", "URL is nil")
