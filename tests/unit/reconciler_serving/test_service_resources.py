from __future__ import annotations

from typing import Any

from wakeful.apis.serving import Service, TrafficTarget
from wakeful.reconciler.serving.service.resources import (
    is_migrated,
    make_configuration,
    make_route,
)

S = "serving.knative.dev"


def test_configuration_carries_labels_and_what_others_need(service: Service) -> None:
    made = make_configuration(service, {f"{S}/routes": "extra"})
    assert (made.metadata.name, made.metadata.namespace) == ("hello", "default")
    assert made.metadata.labels == {
        "team": "blue",
        f"{S}/service": "hello",
        f"{S}/serviceUID": "svc-uid",
    }
    assert made.metadata.annotations == {f"{S}/creator": "alice", f"{S}/routes": "extra,hello"}
    assert made.spec.template == service.spec.template
    owner = made.metadata.owner_references[0]
    assert (owner.kind, owner.uid, owner.controller) == ("Service", "svc-uid", True)


def test_route_follows_the_services_own_configuration(service: Service) -> None:
    made = make_route(service)
    assert [t.to_wire() for t in made.spec.traffic] == [
        {"configurationName": "hello", "latestRevision": True, "percent": 90},
        {"revisionName": "hello-00001", "latestRevision": False, "percent": 10, "tag": "old"},
    ]
    assert made.metadata.annotations == {
        f"{S}/creator": "alice",
        f"{S}/rollout-duration": "10s",
    }
    assert service.spec.traffic[0].configuration_name == ""


def test_migration_is_over_when_the_status_shows_the_newest(service: Service) -> None:
    route, configuration = make_route(service), make_configuration(service)
    configuration.status.latest_ready_revision_name = "hello-00002"
    shown: list[Any] = [
        TrafficTarget(revision_name="hello-00001", percent=90),
        TrafficTarget(revision_name="hello-00001", percent=10, tag="old"),
    ]
    route.status.traffic = shown
    assert not is_migrated(route, configuration)
    shown[0] = TrafficTarget(revision_name="hello-00002", percent=90, latest_revision=True)
    assert is_migrated(route, configuration)
