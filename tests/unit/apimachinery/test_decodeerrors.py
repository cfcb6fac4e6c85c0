from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from wakeful.apimachinery.decodeerrors import (
    decoding_problems,
    fill_nulls,
    strict_error,
    validation_error,
)
from wakeful.apimachinery.errors import APIStatusError, BadRequestError, InvalidError
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apimachinery.pruning import prune, unknown_fields


class Port(APIModel):
    container_port: int = 0
    target: int | str | None = None


class Container(APIModel):
    name: str = ""
    ports: list[Port] = Field(default_factory=list)
    env: dict[str, Port] = Field(default_factory=dict)
    free: dict[str, Any] = Field(default_factory=dict)
    anything: Any = None


class WidgetSpec(APIModel):
    containers: list[Container] = Field(default_factory=list)
    host_ip: str = Field(default="", alias="hostIP")
    replicas: int | None = None
    on: bool = False


class WidgetStatus(APIModel):
    ready: bool = False


class Widget(KResource[WidgetSpec, WidgetStatus]):
    gvk: ClassVar = GroupVersionKind("example.com", "v1", "Widget")
    spec: WidgetSpec = Field(default_factory=WidgetSpec)
    status: WidgetStatus = Field(default_factory=WidgetStatus)


def test_unknown_fields_are_named_by_path_and_pruned() -> None:
    data = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "x", "selfLink": "/old", "colour": "red", "labels": {"any": "thing"}},
        "spec": {
            "hostIP": "::1",
            "host_ip": "python's name is not the wire's",
            "containers": [
                {"ports": [{"containerPort": 1, "contianerPort": 2}]},
                {"env": {"a": {"nope": 1}}, "free": {"x": {"y": 1}}, "anything": {"z": 1}},
            ],
        },
        "extra": 1,
    }
    pruned, unknown = prune(Widget, data)
    assert unknown == [
        "metadata.colour",
        "spec.host_ip",
        "spec.containers[0].ports[0].contianerPort",
        "spec.containers[1].env.a.nope",
        "extra",
    ]
    assert unknown_fields(Widget, pruned) == []
    assert pruned["spec"]["containers"][1]["free"] == {"x": {"y": 1}}
    assert pruned["spec"]["containers"][1]["anything"] == {"z": 1}
    assert "selfLink" not in pruned["metadata"]


def test_a_wrong_shape_is_left_for_the_validator() -> None:
    data = {"spec": {"containers": {"not": "a list"}}, "metadata": "text"}
    assert prune(Widget, data) == (data, [])


def refuse(data: dict[str, Any], *, custom: bool) -> APIStatusError:
    with pytest.raises(ValidationError) as caught:
        Widget.from_wire(data)
    return validation_error(Widget.gvk, Widget, data, caught.value, custom=custom)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"replicas": "three"},
            "json: cannot unmarshal string into Go struct field WidgetSpec.spec.replicas"
            " of type int32",
        ),
        (
            {"containers": [{"ports": [{"containerPort": "80"}]}]},
            "json: cannot unmarshal string into Go struct field"
            " Port.spec.containers.ports.containerPort of type int32",
        ),
        (
            {"containers": {}},
            "json: cannot unmarshal object into Go struct field WidgetSpec.spec.containers"
            " of type []v1.Container",
        ),
        (
            {"containers": ["text"]},
            "json: cannot unmarshal string into Go struct field WidgetSpec.spec.containers"
            " of type v1.Container",
        ),
        (
            {"containers": [{"ports": [{"target": []}]}]},
            "json: cannot unmarshal array into Go struct field Port.spec.containers.ports.target"
            " of type intstr.IntOrString",
        ),
        (
            {"on": 1},
            "json: cannot unmarshal number into Go struct field WidgetSpec.spec.on of type bool",
        ),
    ],
)
def test_wrong_types_of_built_ins_read_like_go(spec: dict[str, Any], message: str) -> None:
    error = refuse({"metadata": {"name": "w"}, "spec": spec}, custom=False)
    assert isinstance(error, BadRequestError)
    assert error.message == f'Widget in version "v1" cannot be handled as a Widget: {message}'


def test_wrong_types_of_custom_kinds_are_causes() -> None:
    error = refuse(
        {
            "metadata": {"name": "w"},
            "spec": {"replicas": "three", "containers": [{"ports": [{"containerPort": 1.5}]}]},
        },
        custom=True,
    )
    assert isinstance(error, InvalidError)
    assert error.details["name"] == "w"
    assert error.details["causes"] == [
        {
            "reason": "FieldValueTypeInvalid",
            "message": 'Invalid value: "number": spec.containers[0].ports[0].containerPort in body'
            ' must be of type integer: "number"',
            "field": "spec.containers[0].ports[0].containerPort",
        },
        {
            "reason": "FieldValueTypeInvalid",
            "message": 'Invalid value: "string": spec.replicas in body must be of type integer:'
            ' "string"',
            "field": "spec.replicas",
        },
    ]


def test_metadata_of_a_wrong_type() -> None:
    error = refuse({"metadata": "text"}, custom=True)
    assert error.details["causes"][0]["field"] == "metadata"
    error = refuse({"metadata": {"creationTimestamp": "yesterday"}}, custom=True)
    assert error.details["causes"][0]["field"] == "metadata.creationTimestamp"
    assert "RFC 3339" in error.message


def test_strict_errors_name_every_field() -> None:
    problems = decoding_problems(["spec.foo"], ["spec.bar"])
    assert problems == ['duplicate field "spec.bar"', 'unknown field "spec.foo"']
    gvk = GroupVersionKind("apps", "v1", "Deployment")
    assert strict_error(gvk, problems[1:], custom=False).message == (
        'Deployment in version "v1" cannot be handled as a Deployment:'
        ' strict decoding error: unknown field "spec.foo"'
    )
    assert strict_error(gvk, problems[1:], custom=True).message == (
        'strict decoding error: unknown field "spec.foo"'
    )


def test_null_in_a_list_is_the_zero_value_of_its_items() -> None:
    data: dict[str, Any] = {
        "metadata": {"name": "x", "finalizers": [None, "a"]},
        "spec": {"containers": [None, {"ports": [None]}], "replicas": "many"},
    }
    with pytest.raises(ValidationError) as caught:
        Widget.model_validate(data)
    assert fill_nulls(data, caught.value)
    assert data["metadata"]["finalizers"] == ["", "a"]
    assert data["spec"]["containers"] == [{}, {"ports": [{}]}]
    with pytest.raises(ValidationError, match="replicas") as caught:
        Widget.model_validate(data)
    assert not fill_nulls(data, caught.value)
