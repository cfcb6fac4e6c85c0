"""EventTypes: three shapes of one thing, and what may change of it."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.duck import LegacyShapeError
from wakeful.apis.eventing.resources import RESOURCES

GROUP = "eventing.knative.dev"
BOOK = {
    "type": "com.github.pull_request",
    "source": "github.com",
    "schema": "//github.com/schemas/pull_request",
    "description": "GitHub pull request",
    "broker": "default",
}


def event_type(spec: Any, version: str) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "EventType", "spec": spec}


def test_the_book_s_entry_becomes_today_s(admit: Any) -> None:
    found, denial = admit(event_type(BOOK, "v1alpha1"))
    assert denial == ""
    assert found.spec.to_wire() == {
        "reference": {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Broker",
            "name": "default",
            "namespace": "default",
        },
        "description": "GitHub pull request",
        "attributes": [
            {"name": "specversion", "required": True},
            {"name": "id", "required": True},
            {"name": "type", "required": True, "value": "com.github.pull_request"},
            {"name": "source", "required": True, "value": "github.com"},
            {
                "name": "schemadata",
                "required": False,
                "value": "//github.com/schemas/pull_request",
            },
        ],
    }


@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1", "v1beta2"])
def test_what_was_written_in_a_version_is_read_in_it(to_hub: Any, version: str) -> None:
    spec: dict[str, Any] = dict(BOOK)
    if version == "v1beta2":
        del spec["broker"]
        spec |= {"reference": {"kind": "X", "name": "y", "apiVersion": "z/v1"}, "schemaData": "{}"}
    resource = next(r for r in RESOURCES if r.kind == "EventType")
    found = next(v for v in resource.served_versions if v.name == version)
    assert found.from_hub is not None
    written = found.from_hub(to_hub(event_type(spec, version)))["spec"]
    if version == "v1beta1":
        reference = {"apiVersion": f"{GROUP}/v1", "kind": "Broker", "name": spec.pop("broker")}
        spec["reference"] = reference
    assert written == spec


def test_a_broker_is_assumed_in_2019_only(to_hub: Any) -> None:
    spec = {"type": "a", "source": "b"}
    assert to_hub(event_type(spec, "v1alpha1"))["spec"]["reference"]["name"] == "default"
    assert "reference" not in to_hub(event_type(spec, "v1beta2"))["spec"]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("v1alpha1", "missing field(s): spec.source, spec.type"),
        ("v1beta2", "missing field(s): spec.type"),
    ],
)
def test_old_entries_need_their_fields(to_hub: Any, version: str, text: str) -> None:
    with pytest.raises(LegacyShapeError) as caught:
        to_hub(event_type({}, version))
    assert caught.value.message.endswith(text)


def test_entries_need_four_attributes_and_stay_as_they_are(admit: Any) -> None:
    assert admit(event_type({"attributes": [{"name": "type"}]}, "v1beta3"))[1] == (
        "missing field(s): spec.attributes.id, spec.attributes.source, spec.attributes.specversion"
    )
    old = admit(event_type(BOOK, "v1alpha1"))[0]
    assert admit(event_type(BOOK | {"description": "other"}, "v1alpha1"), old)[1] == ""
    denial = admit(event_type(BOOK | {"type": "other"}, "v1alpha1"), old)[1]
    assert denial.startswith("Immutable fields changed (-old +new): spec\n")
