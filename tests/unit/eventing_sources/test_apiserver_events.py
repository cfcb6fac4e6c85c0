"""What an ApiServerSource says about a change."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.watch import EventType
from wakeful.apis.duck import Addressable
from wakeful.apis.sources import ApiServerSource, APIVersionKind, LegacyApiServerSource
from wakeful.cloudevents import checked
from wakeful.eventing.sources.apiserver import plan_apiserver
from wakeful.eventing.sources.apiserver_events import (
    EventStyle,
    make_change_event,
    passes,
    self_link,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://127.0.0.1:6443"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-1",
        "namespace": "default",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Config", "name": "other", "uid": "0"},
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": "1",
                "controller": True,
            },
        ],
    },
}


def event_of(change: EventType, style: EventStyle, obj: Any = POD, **more: Any) -> Any:
    return make_change_event(change, obj, style, NOW, lambda: "id", **more)


@pytest.mark.parametrize(
    ("change", "verb"),
    [(EventType.ADDED, "add"), (EventType.MODIFIED, "update"), (EventType.DELETED, "delete")],
)
def test_types_tell_what_happened(change: EventType, verb: str) -> None:
    whole = checked(event_of(change, EventStyle(URL, whole=True)))
    assert whole.type == f"dev.knative.apiserver.resource.{verb}"
    assert json.loads(whole.data or b"") == POD
    reference = checked(event_of(change, EventStyle(URL, whole=False)))
    assert reference.type == f"dev.knative.apiserver.ref.{verb}"
    assert json.loads(reference.data or b"") == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web-1",
        "namespace": "default",
    }


def test_attributes_are_upstreams() -> None:
    event = event_of(EventType.ADDED, EventStyle(URL, whole=True))
    assert event.attributes() == {
        "specversion": "1.0",
        "id": "id",
        "source": URL,
        "type": "dev.knative.apiserver.resource.add",
        "subject": "/apis/v1/namespaces/default/pods/web-1",
        "time": "2026-01-01T12:00:00Z",
        "datacontenttype": "application/json",
        "kind": "Pod",
        "apiversion": "v1",
        "name": "web-1",
        "namespace": "default",
    }


def test_2019_had_no_extensions_and_could_tell_of_controllers() -> None:
    style = EventStyle(URL, whole=False, specversion="0.3", extensions=False)
    event = event_of(EventType.ADDED, style, about_controller=True)
    assert event.extensions == {}
    assert event.subject == "/apis/apps/v1/namespaces/default/replicasets/web"
    assert json.loads(event.data)["kind"] == "ReplicaSet"
    lonely = {**POD, "metadata": {"name": "a", "namespace": "b"}}
    assert event_of(EventType.ADDED, style, lonely, about_controller=True) is None


def test_bookmarks_are_no_change() -> None:
    assert event_of(EventType.BOOKMARK, EventStyle(URL, whole=True)) is None


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (None, True),
        (APIVersionKind(api_version="apps/v1", kind="ReplicaSet"), True),
        (APIVersionKind(kind="ReplicaSet"), True),
        (APIVersionKind(api_version="apps/v1", kind="Deployment"), False),
        (APIVersionKind(api_version="v1", kind="Config"), False),
    ],
)
def test_only_controllers_count_as_owners(owner: APIVersionKind | None, expected: bool) -> None:
    assert passes(POD, owner) is expected


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Event", "/apis/v1/namespaces/n/events/x"),
        ("networking.k8s.io/v1", "NetworkPolicy", "/networkpolicies/x"),
        ("networking.k8s.io/v1", "Ingress", "/ingresses/x"),
        ("v1", "Endpoints", "/endpoints/x"),
    ],
)
def test_subjects_are_paths(api_version: str, kind: str, path: str) -> None:
    found = self_link({"apiVersion": api_version, "kind": kind, "name": "x", "namespace": "n"})
    assert found.endswith(path)


def legacy(**resource: Any) -> LegacyApiServerSource:
    made = LegacyApiServerSource(metadata=ObjectMeta(name="s", namespace="default"))
    wire = {"apiVersion": "v1", "kind": "Event", **resource}
    made.spec = type(made.spec).from_wire({"serviceAccountName": "sa", "resources": [wire]})
    made.status.mark_sink(Addressable(url="http://sink.test"))
    made.status.mark_sufficient_permissions()
    made.status.namespaces = ["default"]
    return made


def test_a_source_of_2019_filters_each_resource_by_itself() -> None:
    plan = plan_apiserver(
        legacy(
            labelSelector={"matchLabels": {"a": "b"}},
            controllerSelector={"apiVersion": "apps/v1", "kind": "ReplicaSet"},
            controller=True,
        )
    )
    assert plan is not None
    (watch,) = plan.watches
    assert (watch.selector, watch.namespaces, watch.about_controller) == ("a=b", ("default",), True)
    assert watch.owner is not None
    assert watch.owner.kind == "ReplicaSet"
    assert plan.user.name == "system:serviceaccount:default:sa"
    assert not plan.whole


def test_an_empty_selector_of_namespaces_is_everywhere() -> None:
    source = ApiServerSource(metadata=ObjectMeta(name="s", namespace="default"))
    source.spec = type(source.spec).from_wire(
        {"namespaceSelector": {}, "resources": [{"apiVersion": "v1", "kind": "Event"}]}
    )
    source.status.mark_sink(Addressable(url="http://sink.test"))
    assert plan_apiserver(source) is None, "permissions are unknown"
    source.status.mark_sufficient_permissions()
    plan = plan_apiserver(source)
    assert plan is not None
    assert plan.watches[0].namespaces == ("",)
    assert isinstance(source.status.condition_set, ConditionSet)
