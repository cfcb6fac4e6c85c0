"""Objects made small are what they were."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.compact import compact
from wakeful.apis.apps import Deployment

WIRE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "some-namespace", "labels": {"app": "some-label"}},
    "spec": {
        "selector": {"matchLabels": {"app": "some-label"}},
        "template": {
            "spec": {"containers": [{"name": "c", "image": "some-image", "args": ["one", "two"]}]}
        },
    },
}


def a_deployment() -> Deployment:
    return Deployment.from_wire(WIRE | {"metadata": dict(WIRE["metadata"])})


def test_a_compacted_object_is_equal_and_looks_the_same_on_the_wire() -> None:
    made, other = a_deployment(), a_deployment()

    compact(made)

    assert made == other
    assert made.to_wire() == other.to_wire()


def test_texts_are_shared_between_objects() -> None:
    first = a_deployment()
    second = a_deployment()
    second.metadata.namespace = "".join(["some-", "namespace"])
    assert first.metadata.namespace is not second.metadata.namespace

    compact(first)
    compact(second)

    assert first.metadata.namespace is second.metadata.namespace
    assert first.__pydantic_fields_set__ is second.__pydantic_fields_set__


def test_copies_of_a_compacted_object_can_be_changed() -> None:
    made, untouched = a_deployment(), a_deployment()
    compact(made)

    for copied in (made.deep_copy(), made.model_copy(deep=True)):
        copied.spec.replicas = 7
        copied.metadata.labels["app"] = "another"
        assert copied.to_wire()["spec"]["replicas"] == 7

    shallow = made.model_copy(update={"metadata": made.metadata.deep_copy()})
    shallow.metadata.name = "b"
    assert shallow.to_wire()["metadata"]["name"] == "b"
    assert made == untouched
    assert made.to_wire() == untouched.to_wire()
