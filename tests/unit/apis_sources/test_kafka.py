"""What KafkaSources refuse, in whose words, what is filled in, and how old ones read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis.sources import RESOURCES, KafkaSource, LegacyKafkaSource
from wakeful.apis.sources.kafka_types import KEY_TYPE_LABEL

SCHEME = Scheme(RESOURCES)
SINK = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "display"}}
GOOD: dict[str, Any] = {"bootstrapServers": ["k1:9092"], "topics": ["demo"], "sink": SINK}
BOOK: dict[str, Any] = {
    "consumerGroup": "demo-consumer",
    "bootstrapServers": "192.168.0.6x:9092,192.168.0.7x:9092, 192.168.0.8x:9092",
    "topics": "demo",
    "sink": {
        "apiVersion": "serving.knative.dev/v1alpha1",
        "kind": "Service",
        "name": "event-display",
    },
}
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}

Source = KafkaSource | LegacyKafkaSource


def make(spec: Mapping[str, Any], model: type[Source] = KafkaSource, **labels: str) -> Source:
    meta = {"name": "it", "namespace": "default", "labels": labels}
    return model.from_wire({"metadata": meta, "spec": spec})


def admit(new: Source, old: Source | None = None) -> str:
    resource = SCHEME.of(type(new))
    context = AdmissionContext("UPDATE" if old else "CREATE", datetime(2026, 1, 1, tzinfo=UTC))
    if resource.set_defaults is not None:
        resource.set_defaults(new, old, context)
    assert resource.validate is not None
    return to_text(resource.validate(new, old, context))


def test_the_rest_is_filled_in() -> None:
    """A group of its own, one consumer, in order, from now on."""
    source = make(GOOD)

    assert admit(source) == ""
    assert source.spec.consumer_group.startswith("knative-kafka-source-")
    wanted = source.wanted
    assert (wanted.consumers, wanted.initial_offset, wanted.ordering) == (1, "latest", "ordered")
    assert wanted.sink.ref is not None
    assert wanted.sink.ref.namespace == "default"


def test_the_books_source_reads_as_todays() -> None:
    """Strings are lists, the flat sink is a reference; what was written stays as it was."""
    source = make(BOOK, LegacyKafkaSource)

    assert admit(source) == ""
    assert source.to_wire()["spec"] == BOOK
    wanted = source.wanted
    assert wanted.bootstrap_servers == [f"192.168.0.{n}x:9092" for n in (6, 7, 8)]
    assert wanted.topics == ["demo"]
    assert wanted.initial_offset == "earliest"
    assert wanted.sink.ref is not None
    assert wanted.sink.ref.kind == "Service"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bootstrapServers": []}, "missing field(s): spec.bootstrapServers"),
        ({"topics": []}, "missing field(s): spec.topics"),
        ({"topics": ["ok", "not ok"]}, "invalid value: not ok: spec.topics[1]"),
        (
            {"bootstrapServers": ["k1:x"]},
            "invalid value: k1:x: spec.bootstrapServers[0]\nexpected host:port",
        ),
        ({"initialOffset": "middle"}, "invalid value: middle: spec.initialOffset"),
        ({"ordering": "random"}, "invalid value: random: spec.ordering"),
        ({"consumers": -1}, "invalid value: -1: spec.consumers"),
        ({"sink": {}}, "expected at least one, got none: spec.sink.ref, spec.sink.uri"),
        ({"delivery": {"retry": -1}}, "invalid value: -1: spec.delivery.retry"),
        (
            {"net": {"sasl": {"enable": True, "user": SECRET}}},
            "missing field(s): spec.net.sasl.password.secretKeyRef",
        ),
        (
            {"net": {"tls": {"enable": True, "cert": SECRET}}},
            "missing field(s): spec.net.tls.key.secretKeyRef",
        ),
        (
            {"net": {"tls": {"caCert": {"secretKeyRef": {"name": "s"}}}}},
            "missing field(s): spec.net.tls.caCert.secretKeyRef.key",
        ),
    ],
)
def test_faults_are_named(changes: dict[str, Any], fault: str) -> None:
    """What is wrong, and where."""
    assert admit(make(GOOD | changes)) == fault


def test_key_types_are_a_few_words() -> None:
    """The label says how keys are read."""
    labels = {KEY_TYPE_LABEL: "decimal"}

    assert admit(make(GOOD, **{KEY_TYPE_LABEL: "int"})) == ""
    fault = f"invalid value: decimal: metadata.labels.[{KEY_TYPE_LABEL}]"
    assert admit(make(GOOD, **labels)) == fault


def test_the_group_never_changes_and_old_ones_never_do() -> None:
    """Another group would begin elsewhere."""
    old = make(GOOD | {"consumerGroup": "a"})
    kept = make(GOOD | {"topics": ["more"]})
    assert admit(kept, old) == ""
    assert kept.spec.consumer_group == "a"
    assert admit(make(GOOD | {"consumerGroup": "b"}), old) == (
        "Immutable fields changed (-old +new): spec.consumerGroup\n-: a\n+: b"
    )
    book, other = make(BOOK, LegacyKafkaSource), make(BOOK | {"topics": "x"}, LegacyKafkaSource)
    assert admit(make(BOOK, LegacyKafkaSource), book) == ""
    assert admit(other, book) == "Immutable fields changed (-old +new): spec"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bootstrapServers": " , "}, "missing field(s): spec.bootstrapServers"),
        ({"topics": ""}, "missing field(s): spec.topics"),
        ({"consumerGroup": ""}, "missing field(s): spec.consumerGroup"),
        ({"sink": None}, "missing field(s): spec.sink"),
    ],
)
def test_faults_of_old_ones_are_named(changes: dict[str, Any], fault: str) -> None:
    """All three strings are required."""
    assert admit(make(BOOK | changes, LegacyKafkaSource)) == fault
