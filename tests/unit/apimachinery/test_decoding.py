from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from wakeful.apimachinery.decoding import (
    decode_json,
    decode_yaml,
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


def test_json_members_given_twice_are_found() -> None:
    decoded = decode_json(b'{"a":1,"b":{"c":1,"c":2},"l":[{"x":1,"x":2,"x":3}],"a":3}')
    assert decoded.data == {"a": 3, "b": {"c": 2}, "l": [{"x": 3}]}
    assert decoded.duplicates == ["a", "b.c", "l[0].x"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_json(body)


def test_yaml_becomes_json() -> None:
    decoded = decode_yaml(b"a: 2020-01-01\nb: [1, 2.5, yes, null]\n7: x\ntrue: y\nn: {c: 'd'}\n")
    assert decoded.data == {
        "a": "2020-01-01",
        "b": [1, 2.5, True, None],
        "7": "x",
        "true": "y",
        "n": {"c": "d"},
    }
    assert decode_yaml(b'{"a": {"b": 1}}').data == {"a": {"b": 1}}
    assert decode_yaml(b"{a: 1}").data == {"a": 1}
    assert decode_yaml(b"a: 1\nb:\n  c: 1\n  c: 2\n").duplicates == ["b.c"]
    assert decode_yaml(b"a: &x {k: 1}\nb: *x\n").data == {"a": {"k": 1}, "b": {"k": 1}}


BOMB = b"a0: &a0 [x]\n" + b"".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n".encode() for i in range(1, 9)
)


@pytest.mark.parametrize(
    "body",
    [
        b"a: [",
        b"a: .nan",
        b"a: 1\n---\nb: 2\n",
        b"a: &a [*a]",
        b"? [x]\n: y",
        b"a: !!python/object:os.system x",
        b"\xff\xfe",
        b"a: !!set {x}",
        b"[" * 3000,
        b"a: " + b"- " * 3000 + b"1",
        BOMB,
    ],
)
def test_yaml_without_a_json_form_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_yaml(body)


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
