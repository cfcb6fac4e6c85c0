"""Environment variables of a container, by the rules of a Pod."""

from __future__ import annotations

import base64

import pytest

from wakeful.apis.core import ConfigMap, Pod, Secret
from wakeful.node.environment import (
    ContainerConfigError,
    PodFacts,
    References,
    expand,
    make_environment,
    pod_field,
)

FACTS = PodFacts("198.19.0.7", "127.0.0.1", "node-1", cpu_cores=2, memory_bytes=4 << 30)


def a_pod(**container: object) -> Pod:
    return Pod.from_wire(
        {
            "metadata": {
                "name": "hello",
                "namespace": "default",
                "uid": "u1",
                "labels": {"app": "hello", "tier": "web"},
            },
            "spec": {"containers": [{"name": "c", "image": "i", **container}]},
        }
    )


def environment_of(pod: Pod, references: References | None = None) -> dict[str, str]:
    return make_environment(
        pod.spec.containers[0], pod, FACTS, references or References(), base={"PATH": "/bin"}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-x", "1-x"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$A $(A)$(A)", "$A 11"),
    ],
)
def test_references_are_expanded(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_later_variables_see_earlier_ones() -> None:
    pod = a_pod(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}])

    assert environment_of(pod) == {"PATH": "/bin", "A": "1", "B": "12"}


def test_values_come_from_maps_secrets_and_the_pod() -> None:
    pod = a_pod(
        env=[
            {"name": "M", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ],
        envFrom=[{"prefix": "X_", "configMapRef": {"name": "m"}}],
    )
    references = References(
        {"m": ConfigMap(data={"k": "map", "not a name": "x"})},
        {"s": Secret(data={"k": base64.b64encode(b"secret").decode()})},
    )

    env = environment_of(pod, references)

    assert env["M"] == "map"
    assert env["S"] == "secret"
    assert env["IP"] == "198.19.0.7"
    assert env["CPU"] == "2"
    assert env["X_k"] == "map"
    assert "X_not a name" not in env


def test_missing_map_is_named() -> None:
    pod = a_pod(env=[{"name": "M", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}])

    with pytest.raises(ContainerConfigError, match='configmap "m" not found'):
        environment_of(pod)


def test_missing_key_is_named() -> None:
    pod = a_pod(env=[{"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])

    with pytest.raises(ContainerConfigError, match="couldn't find key k in Secret default/s"):
        environment_of(pod, References({}, {"s": Secret()}))


def test_optional_references_may_be_missing() -> None:
    pod = a_pod(
        env=[
            {
                "name": "M",
                "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k", "optional": True}},
            }
        ]
    )

    assert environment_of(pod) == {"PATH": "/bin"}


def test_labels_are_shown_as_the_downward_api_writes_them() -> None:
    assert pod_field("metadata.labels", a_pod(), FACTS) == 'app="hello"\ntier="web"'
    assert pod_field("metadata.labels['tier']", a_pod(), FACTS) == "web"
