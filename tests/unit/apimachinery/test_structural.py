from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.formats import has_format
from wakeful.apimachinery.structural import StructuralSchema

WIDGET: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 9},
                "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
                "port": {"x-kubernetes-int-or-string": True},
                "when": {"type": "string", "format": "date-time"},
                "maybe": {"type": "string", "nullable": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "tags": {
                    "type": "array",
                    "items": {"type": "string"},
                    "x-kubernetes-list-type": "set",
                    "maxItems": 3,
                },
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                        },
                    },
                },
                "nested": {
                    "type": "object",
                    "default": {},
                    "properties": {"level": {"type": "integer", "default": 3}},
                },
                "template": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object"}},
                },
                "either": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
SCHEMA = StructuralSchema(WIDGET)


def widget(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1, **spec},
    }


def test_unknown_fields_are_dropped_and_named() -> None:
    obj = widget(
        extra=1,
        free={"a": {"b": 1}},
        labels={"any": "x"},
        ports=[{"port": 1, "x": 2}],
        template={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "what": 1},
            "spec": {"lost": 1},
            "other": 1,
        },
    )
    obj["metadata"]["nope"] = 1
    obj["status"] = {"anything": 1}
    pruned, unknown = SCHEMA.prune(obj)
    assert unknown == [
        "metadata.nope",
        "spec.extra",
        "spec.ports[0].x",
        "spec.template.metadata.what",
        "spec.template.spec.lost",
        "spec.template.other",
    ]
    assert pruned["spec"]["free"] == {"a": {"b": 1}}
    assert pruned["spec"]["template"]["kind"] == "Pod"
    assert pruned["status"] == {"anything": 1}
    assert SCHEMA.prune(pruned) == (pruned, [])


def test_preserve_unknown_fields_of_the_whole_kind() -> None:
    schema = StructuralSchema(WIDGET, preserve_unknown=True)
    obj = widget(extra=1)
    assert schema.prune(obj) == (obj, [])


def test_defaults_are_filled_in_at_every_level() -> None:
    filled = SCHEMA.default(widget(ports=[{"port": 1}], colour=None))
    assert filled["spec"] == {
        "size": 1,
        "colour": "red",
        "nested": {"level": 3},
        "ports": [{"port": 1, "protocol": "TCP"}],
    }
    filled["spec"]["nested"]["level"] = 4
    assert SCHEMA.default(widget())["spec"]["nested"] == {"level": 3}


@pytest.mark.parametrize(
    ("spec", "field", "reason", "message"),
    [
        (
            {"size": "big"},
            "spec.size",
            "FieldValueTypeInvalid",
            'Invalid value: "string": spec.size in body must be of type integer: "string"',
        ),
        (
            {"size": 0},
            "spec.size",
            "FieldValueInvalid",
            "Invalid value: 0: spec.size in body should be greater than or equal to 1",
        ),
        (
            {"size": 10},
            "spec.size",
            "FieldValueInvalid",
            "Invalid value: 10: spec.size in body should be less than or equal to 9",
        ),
        (
            {"colour": "green"},
            "spec.colour",
            "FieldValueNotSupported",
            'Unsupported value: "green": supported values: "blue", "red"',
        ),
        (
            {"name": "A1"},
            "spec.name",
            "FieldValueInvalid",
            "Invalid value: \"A1\": spec.name in body should match '^[a-z]+$'",
        ),
        (
            {"name": "a"},
            "spec.name",
            "FieldValueInvalid",
            'Invalid value: "a": spec.name in body should be at least 2 chars long',
        ),
        (
            {"name": "abcdefg"},
            "spec.name",
            "FieldValueTooLong",
            "Too long: may not be more than 5 bytes",
        ),
        (
            {"port": []},
            "spec.port",
            "FieldValueTypeInvalid",
            'Invalid value: "array": spec.port in body must be of type integer,string: "array"',
        ),
        (
            {"when": "yesterday"},
            "spec.when",
            "FieldValueTypeInvalid",
            'Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday"',
        ),
        (
            {"labels": {"a": 1}},
            "spec.labels.a",
            "FieldValueTypeInvalid",
            'Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
        ),
        (
            {"tags": ["a", "b", "a"]},
            "spec.tags[2]",
            "FieldValueDuplicate",
            'Duplicate value: "a"',
        ),
        (
            {"tags": ["a", "b", "c", "d"]},
            "spec.tags",
            "FieldValueTooMany",
            "Too many: 4: must have at most 3 items",
        ),
        (
            {"ports": [{"port": 1}, {"port": 1, "protocol": "TCP"}]},
            "spec.ports[1]",
            "FieldValueDuplicate",
            'Duplicate value: {"port":1,"protocol":"TCP"}',
        ),
        (
            {"either": {"a": "x", "b": "y"}},
            "spec.either",
            "FieldValueInvalid",
            'Invalid value: {"a":"x","b":"y"}: "spec.either" must validate one and only one schema'
            " (oneOf). Found 2 valid alternatives",
        ),
        (
            {"template": {"kind": "Pod"}},
            "spec.template.apiVersion",
            "FieldValueRequired",
            "Required value: must not be empty",
        ),
    ],
)
def test_faults_read_like_upstreams(
    spec: dict[str, Any], field: str, reason: str, message: str
) -> None:
    assert to_causes(SCHEMA.validate(widget(**spec))) == [
        {"reason": reason, "message": message, "field": field}
    ]


def test_what_is_required() -> None:
    obj = widget()
    del obj["spec"]["size"]
    assert [e.paths for e in SCHEMA.validate(obj)] == [("spec.size",)]
    del obj["spec"]
    causes = to_causes(SCHEMA.validate(obj))
    assert causes == [
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec"}
    ]


def test_a_good_object_has_no_faults() -> None:
    assert (
        SCHEMA.validate(
            widget(
                colour="blue",
                name="abc",
                port="http",
                when="2026-01-01T00:00:00Z",
                maybe=None,
                tags=["a"],
                either={"a": "x"},
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2026-01-01", "2026-13-01"),
        ("date-time", "2026-01-01T00:00:00.5+02:00", "2026-01-01"),
        ("duration", "1h2m", "an hour"),
        ("byte", "YQ==", "a"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("ipv4", "127.0.0.1", "::1"),
        ("ipv6", "::1", "127.0.0.1"),
        ("cidr", "127.0.0.0/8", "127.0.0.0/99"),
        ("hostname", "a.example", "-a"),
        ("email", "a@b", "ab"),
        ("uri", "https://a.example/x", "no scheme"),
    ],
)
def test_formats(name: str, good: str, bad: str) -> None:
    assert has_format(name, good)
    assert not has_format(name, bad)
    assert has_format("something new", bad)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats(allow_nan=False) | st.text("ab"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "size", "default", "oneOf", "enum", "pattern", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(schema=st.dictionaries(st.text("ab", max_size=3), JSON) | JSON, spec=JSON)
def test_no_schema_and_no_object_upsets_it(schema: Any, spec: Any) -> None:
    compiled = StructuralSchema({"properties": {"spec": schema}})
    pruned, _ = compiled.prune({"kind": "X", "spec": spec})
    compiled.validate(compiled.default(pruned))


@settings(max_examples=150, deadline=None)
@given(spec=JSON)
def test_junk_in_a_good_schema_is_reported_not_raised(spec: Any) -> None:
    pruned, _ = SCHEMA.prune({"kind": "Widget", "spec": spec})
    for error in SCHEMA.validate(SCHEMA.default(pruned)):
        assert error.paths[0].startswith("spec")
