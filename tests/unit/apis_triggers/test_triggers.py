"""Kinds of Tekton Triggers: what is refused, and older spellings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis import make_scheme
from wakeful.apis.triggers.trigger_conversion import listener_to_hub, trigger_to_hub

SCHEME = make_scheme()
CONTEXT = AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC))
TEMPLATE = {"ref": "t"}


def faults(kind: str, spec: dict[str, Any], name: str = "x") -> list[str]:
    resource = SCHEME.by_kind("triggers.tekton.dev", kind)
    assert resource is not None
    assert resource.validate is not None
    obj = resource.model.model_validate({"metadata": {"name": name}, "spec": spec})
    if resource.set_defaults is not None:
        resource.set_defaults(obj, None, CONTEXT)
    return to_text(resource.validate(obj, None, CONTEXT)).splitlines()


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"triggers": [{"template": TEMPLATE}, {"triggerRef": "other"}]}, []),
        (
            {"triggers": [{"name": "a"}]},
            [
                "expected exactly one, got neither: spec.triggers[0].template,"
                " spec.triggers[0].triggerRef"
            ],
        ),
        (
            {"triggers": [{"template": TEMPLATE, "bindings": [{"ref": "b", "kind": "Other"}]}]},
            ["invalid value: invalid kind: spec.triggers[0].bindings[0].kind"],
        ),
        (
            {"triggers": [{"template": TEMPLATE, "bindings": [{"name": "b"}]}]},
            ["missing field(s): spec.triggers[0].bindings[0].value"],
        ),
        (
            {"triggers": [{"template": TEMPLATE, "interceptors": [{}]}]},
            ["missing field(s): spec.triggers[0].interceptors[0]"],
        ),
        (
            {"triggerGroups": [{"name": "g", "triggerSelector": {}}]},
            [
                "expected exactly one, got neither:"
                " spec.triggerGroups[0].triggerSelector.labelSelector,"
                " spec.triggerGroups[0].triggerSelector.namespaceSelector"
            ],
        ),
    ],
)
def test_listeners(spec: dict[str, Any], wanted: list[str]) -> None:
    assert faults("EventListener", spec) == wanted


def test_names_of_listeners_leave_room_for_their_service() -> None:
    (fault,) = faults("EventListener", {}, "x" * 61)
    assert fault.startswith("invalid value: eventListener name")
    assert fault.endswith("must be no more than 60 characters long: metadata.name")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"resourcetemplates": []}, ["missing field(s): spec.resourcetemplates"]),
        (
            {"resourcetemplates": [{"apiVersion": "v1", "kind": "Pod", "x": "$(tt.params.a)"}]},
            ["invalid value: undeclared param '$(tt.params.a)': spec.resourcetemplates[0]"],
        ),
        (
            {"params": [{"name": "a"}], "resourcetemplates": [{"kind": "$(tt.params.a)"}]},
            ["missing field(s): spec.resourcetemplates[0].apiVersion"],
        ),
    ],
)
def test_templates(spec: dict[str, Any], wanted: list[str]) -> None:
    assert faults("TriggerTemplate", spec) == wanted


def test_bindings() -> None:
    params = [{"name": "a", "value": "x"}, {"name": "a", "value": "$(body.$(header.x))"}, {}]
    assert faults("TriggerBinding", {"params": params}) == [
        "expected exactly one, got both: spec.params[1].name",
        "invalid value: $(body.$(header.x)): spec.params[1].value",
        "missing field(s): spec.params[2].name, spec.params[2].value",
    ]


def test_spellings_of_2020_are_read() -> None:
    """References called ``name``, and interceptors in place."""
    trigger = {
        "bindings": [{"name": "b"}, {"name": "p", "value": "v"}],
        "template": {"name": "t"},
        "interceptors": [
            {"github": {"secretRef": {"secretName": "s"}, "eventTypes": ["push"]}},
            {"cel": {"filter": "true"}},
            {"ref": {"name": "own"}},
        ],
    }
    github = {"name": "github", "kind": "ClusterInterceptor"}
    wanted = {
        "bindings": [{"ref": "b"}, {"name": "p", "value": "v"}],
        "template": {"ref": "t"},
        "interceptors": [
            {
                "ref": github,
                "params": [
                    {"name": "secretRef", "value": {"secretName": "s"}},
                    {"name": "eventTypes", "value": ["push"]},
                ],
            },
            {"ref": {**github, "name": "cel"}, "params": [{"name": "filter", "value": "true"}]},
            {"ref": {"name": "own"}},
        ],
    }
    assert trigger_to_hub({"spec": trigger}) == {"spec": wanted}
    listener = {"spec": {"triggers": [trigger], "serviceAccountName": "s"}}
    assert listener_to_hub(listener)["spec"] == {"triggers": [wanted], "serviceAccountName": "s"}
    assert listener_to_hub({"spec": {"triggers": "no list"}}) == {"spec": {"triggers": "no list"}}
