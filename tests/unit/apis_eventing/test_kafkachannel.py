"""KafkaChannels: defaults, faults, and what stays as it was made."""

from __future__ import annotations

from typing import Any

import pytest

V1 = "messaging.knative.dev/v1beta1"


def channel(spec: Any = None, version: str = V1) -> dict[str, Any]:
    return {"apiVersion": version, "kind": "KafkaChannel", "spec": spec or {}}


@pytest.mark.parametrize("version", [V1, "messaging.knative.dev/v1alpha1"])
def test_one_partition_one_replica_a_week(admit: Any, version: str) -> None:
    found, denial = admit(channel(version=version))
    assert denial == ""
    assert found.spec.to_wire() == {
        "numPartitions": 1,
        "replicationFactor": 1,
        "retentionDuration": "PT168H",
    }


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"numPartitions": 0}, "invalid value: 0: spec.numPartitions"),
        ({"replicationFactor": -1}, "invalid value: -1: spec.replicationFactor"),
        ({"retentionDuration": "soon"}, "invalid value: soon: spec.retentionDuration"),
    ],
)
def test_faults(admit: Any, spec: Any, text: str) -> None:
    assert admit(channel(spec))[1] == text


def test_the_topic_stays_as_it_was_made(admit: Any) -> None:
    old, _ = admit(channel({"numPartitions": 3}))
    assert admit(channel({"numPartitions": 3, "delivery": {"retry": 2}}), old)[1] == ""
    denial = admit(channel({"numPartitions": 4}), old)[1]
    assert denial.startswith("Immutable fields changed (-old +new): spec")
