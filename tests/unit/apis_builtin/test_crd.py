"""Definitions of users' kinds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.apiextensions import CustomResourceDefinition, accept
from wakeful.apis.apiextensions.crd_rules import set_crd_defaults, validate_crd

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CREATE = AdmissionContext("CREATE", NOW)
ROOT = "spec.versions[0].schema.openAPIV3Schema"


def definition(schema: Any = None, **spec: Any) -> CustomResourceDefinition:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", **(schema or {})}},
    }
    wire = {
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version],
            **spec,
        },
    }
    made = CustomResourceDefinition.from_wire(wire)
    set_crd_defaults(made, None, CREATE)
    return made


def faults(made: CustomResourceDefinition) -> dict[str, str]:
    return {c["field"]: c["message"] for c in to_causes(validate_crd(made, None, CREATE))}


def test_names_follow_from_the_kind() -> None:
    made = definition()
    assert not faults(made)
    assert (made.spec.names.singular, made.spec.names.list_kind) == ("thing", "ThingList")


def test_acceptance_is_told_once() -> None:
    made = definition()
    accept(made, NOW)
    assert [c.type for c in made.status.conditions] == ["NamesAccepted", "Established"]
    assert made.status.stored_versions == ["v1"]
    before = made.status.to_wire()
    accept(made, datetime(2027, 1, 1, tzinfo=UTC))
    assert made.status.to_wire() == before


def test_name_has_to_be_plural_and_group() -> None:
    made = definition(group="other.com")
    assert faults(made)["metadata.name"] == (
        'Invalid value: "things.example.com": must be spec.names.plural+"."+spec.group'
    )


def test_exactly_one_version_is_stored() -> None:
    made = definition()
    made.spec.versions[0].storage = False
    assert faults(made) == {
        "spec.versions": 'Invalid value: ["v1"]: must have exactly one version marked as storage'
        " version"
    }


@pytest.mark.parametrize(
    ("member", "path", "message"),
    [
        ({}, "", "Required value: must not be empty for specified object fields"),
        ({"type": "text"}, "", "Unsupported value"),
        ({"type": 5}, "", "Invalid value: 5: must be a string"),
        ({"type": "array"}, ".items", "Required value: must be specified"),
        ({"type": "string", "pattern": "["}, ".pattern", "Invalid value"),
        ({"type": "string", "maxLength": -1}, ".maxLength", "Invalid value"),
        ({"type": "object", "properties": []}, ".properties", "Invalid value"),
        ({"type": "object", "$ref": "#/x"}, ".$ref", "Forbidden: $ref is not supported"),
        (
            {
                "type": "array",
                "items": {"type": "object", "properties": {"k": {"type": "string"}}},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["other"],
            },
            ".x-kubernetes-list-map-keys[0]",
            'Not found: "other"',
        ),
    ],
)
def test_schemas_are_structural(member: dict[str, Any], path: str, message: str) -> None:
    found = faults(definition({"properties": {"a": member}}))
    at = f"{ROOT}.properties[a]"
    assert found[f"{at}{path}" if path else f"{at}.type"].startswith(message)


def test_int_or_string_and_free_members_need_no_type() -> None:
    members = {
        "port": {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
        },
        "free": {"x-kubernetes-preserve-unknown-fields": True},
    }
    assert not faults(definition({"properties": members}))
