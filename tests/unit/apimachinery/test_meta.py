from datetime import UTC, datetime
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from wakeful.apimachinery.errors import (
    APIStatusError,
    InvalidError,
    NotFoundError,
    error_from_status,
)
from wakeful.apimachinery.meta import (
    APIModel,
    GroupVersionKind,
    KResource,
    NamespacedName,
    controller_of,
    deep_copy_json,
    format_micro_time,
    is_controlled_by,
    owner_reference,
)
from wakeful.apimachinery.scheme import Resource, Scheme


class ThingSpec(APIModel):
    max_size: int | None = None
    host_ip: str = Field(default="", alias="hostIP")


class ThingStatus(APIModel):
    ready: bool = False


class Thing(KResource[ThingSpec, ThingStatus]):
    gvk: ClassVar = GroupVersionKind("example.dev", "v1", "Thing")
    spec: ThingSpec = Field(default_factory=ThingSpec)
    status: ThingStatus = Field(default_factory=ThingStatus)


def a_thing(name: str = "t", uid: str = "u") -> Thing:
    return Thing.from_wire({"metadata": {"name": name, "namespace": "ns", "uid": uid}})


def test_the_wire_keeps_explicit_zeros_and_drops_what_is_unset() -> None:
    thing = Thing.from_wire(
        {
            "metadata": {"name": "t", "creationTimestamp": None},
            "spec": {"maxSize": 0, "hostIP": "::1", "unknown": 1},
            "status": None,
        }
    )
    assert thing.to_wire() == {
        "apiVersion": "example.dev/v1",
        "kind": "Thing",
        "metadata": {"name": "t"},
        "spec": {"maxSize": 0, "hostIP": "::1"},
    }


def test_pythons_names_are_not_the_wires() -> None:
    thing = Thing.from_wire({"spec": {"max_size": 3, "host_ip": "x"}})
    assert thing.spec == ThingSpec()
    assert ThingSpec(max_size=3).max_size == 3


@pytest.mark.parametrize("spec", [{"maxSize": "3"}, {"maxSize": 1.5}, {"maxSize": True}, [], "x"])
def test_types_are_strict(spec: object) -> None:
    with pytest.raises(ValidationError):
        Thing.from_wire({"spec": spec})


def test_times() -> None:
    thing = Thing.from_wire({"metadata": {"creationTimestamp": "2026-01-02T03:04:05.6+01:00"}})
    assert thing.metadata.creation_timestamp == datetime(2026, 1, 2, 2, 4, 5, 600000, UTC)
    assert thing.to_wire()["metadata"]["creationTimestamp"] == "2026-01-02T02:04:05Z"
    assert format_micro_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
    for bad in ("2026-01-02T03:04:05", "yesterday"):
        with pytest.raises(ValidationError, match="RFC 3339"):
            Thing.from_wire({"metadata": {"creationTimestamp": bad}})


def test_owners() -> None:
    owner, child = a_thing("owner"), a_thing("child", "c")
    child.metadata.owner_references = [
        owner_reference(owner, controller=False),
        owner_reference(owner),
    ]
    assert controller_of(child) == owner_reference(owner)
    assert is_controlled_by(child, owner)
    assert not is_controlled_by(child, a_thing("owner", "another life"))
    assert owner_reference(owner, controller=False).controller is None


def test_names() -> None:
    assert str(a_thing()) == "Thing ns/t"
    assert str(NamespacedName("", "x")) == "x"
    assert GroupVersionKind.parse("v1", "Pod") == GroupVersionKind("", "v1", "Pod")
    assert GroupVersionKind.parse("a.b/v1", "X").api_version == "a.b/v1"


def test_copies_are_independent() -> None:
    data = {"a": [{"b": 1}]}
    copied = deep_copy_json(data)
    copied["a"][0]["b"] = 2
    assert data == {"a": [{"b": 1}]}
    thing = a_thing()
    thing.deep_copy().metadata.labels["x"] = "y"
    assert thing.metadata.labels == {}


def test_the_scheme_finds_kinds_and_refuses_twins() -> None:
    resource = Resource(Thing, "things")
    scheme = Scheme([resource])
    assert scheme.by_plural("example.dev", "things") is resource
    assert scheme.by_kind("example.dev", "Thing") is resource
    assert scheme.of(Thing) is resource
    assert isinstance(scheme.parse({"apiVersion": "example.dev/v1", "kind": "Thing"}), Thing)
    with pytest.raises(KeyError):
        scheme.parse({"apiVersion": "v1", "kind": "Pod"})
    with pytest.raises(ValueError, match="registered twice"):
        scheme.add(resource)


def test_errors_become_statuses_and_come_back() -> None:
    error = NotFoundError.of("services", "serving.knative.dev", "hello")
    status = error.to_status()
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'services.serving.knative.dev "hello" not found',
        "reason": "NotFound",
        "details": {"name": "hello", "group": "serving.knative.dev", "kind": "services"},
        "code": 404,
    }
    back = error_from_status(status, 404)
    assert isinstance(back, NotFoundError)
    assert back.to_status() == status
    assert isinstance(error_from_status({}, 418), APIStatusError)


def test_several_causes_are_one_text() -> None:
    causes = [
        {"field": "spec.a", "message": "Required value", "reason": "FieldValueRequired"},
        {"field": "", "message": "odd", "reason": "FieldValueInvalid"},
    ]
    one = InvalidError.of("Thing", "example.dev", "t", causes[:1])
    assert one.message == 'Thing.example.dev "t" is invalid: spec.a: Required value'
    two = InvalidError.of("Thing", "", "t", causes)
    assert two.message == 'Thing "t" is invalid: [spec.a: Required value, odd]'
