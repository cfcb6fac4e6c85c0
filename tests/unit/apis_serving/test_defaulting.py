from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.serving import Configuration, Revision, Route, Service

CREATOR = "serving.knative.dev/creator"
MODIFIER = "serving.knative.dev/lastModifier"


def test_service_of_the_book_gets_every_default(admit: Any) -> None:
    """The first listing: what is stored after ``kubectl apply``."""
    service = Service.from_wire(
        {
            "metadata": {"name": "helloworld-go", "namespace": "default"},
            "spec": {
                "template": {
                    "metadata": {
                        "labels": {"app": "helloworld-go"},
                        "annotations": {"autoscaling.knative.dev/target": "10"},
                    },
                    "spec": {
                        "containers": [
                            {
                                "image": "registry.test/helloworld-go:160e4dc8",
                                "ports": [{"name": "http1", "containerPort": 8080}],
                                "env": [{"name": "TARGET", "value": "World"}],
                            }
                        ]
                    },
                }
            },
        }
    )

    assert admit(service, username="alice") == ""

    assert service.to_wire()["spec"] == {
        "template": {
            "metadata": {
                "labels": {"app": "helloworld-go"},
                "annotations": {"autoscaling.knative.dev/target": "10"},
            },
            "spec": {
                "containers": [
                    {
                        "name": "user-container",
                        "image": "registry.test/helloworld-go:160e4dc8",
                        "ports": [{"name": "http1", "containerPort": 8080}],
                        "env": [{"name": "TARGET", "value": "World"}],
                        "readinessProbe": {"tcpSocket": {"port": 0}, "successThreshold": 1},
                    }
                ],
                "containerConcurrency": 0,
                "timeoutSeconds": 300,
                "enableServiceLinks": False,
            },
        },
        "traffic": [{"latestRevision": True, "percent": 100}],
    }
    assert service.metadata.annotations == {CREATOR: "alice", MODIFIER: "alice"}


def test_only_a_spec_change_moves_the_modifier(admit: Any, service_data: Any) -> None:
    old = Service.from_wire(service_data())
    admit(old, username="alice")
    same, changed = old.deep_copy(), old.deep_copy()
    changed.spec.template.spec.containers[0].image = "busybox:2"

    admit(same, old, username="bob")
    admit(changed, old, username="bob")

    assert same.metadata.annotations[MODIFIER] == "alice"
    assert changed.metadata.annotations == {CREATOR: "alice", MODIFIER: "bob"}


def test_children_of_a_service_are_not_stamped(admit: Any) -> None:
    owners = [{"kind": "Service", "name": "hello", "uid": "1"}]
    route = Route.from_wire(
        {"metadata": {"name": "hello", "ownerReferences": owners}, "spec": {"traffic": []}}
    )
    admit(route, username="controller")
    assert route.metadata.annotations == {}


def test_timeout_of_zero_becomes_the_default(admit: Any, service_data: Any) -> None:
    service = Service.from_wire(service_data())
    service.spec.template.spec.timeout_seconds = 0
    assert admit(service) == ""
    assert service.spec.template.spec.timeout_seconds == 300


def test_unnamed_containers_are_numbered_around_taken_names(admit: Any) -> None:
    configuration = Configuration.from_wire(
        {
            "metadata": {"name": "many"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {"image": "busybox", "ports": [{"containerPort": 80}]},
                            {"image": "busybox", "name": "user-container-1"},
                            {"image": "busybox"},
                        ]
                    }
                }
            },
        }
    )
    assert admit(configuration) == ""
    containers = configuration.spec.template.spec.containers
    assert [c.name for c in containers] == [
        "user-container-0",
        "user-container-1",
        "user-container-2",
    ]
    assert [c.readiness_probe is not None for c in containers] == [True, False, False]


@pytest.mark.parametrize(
    ("probe", "completed"),
    [
        (
            {"httpGet": {"path": "/"}},
            {"httpGet": {"path": "/", "port": 0}, "successThreshold": 1},
        ),
        (
            {"initialDelaySeconds": 3},
            {"tcpSocket": {"port": 0}, "initialDelaySeconds": 3, "successThreshold": 1},
        ),
        (
            {"periodSeconds": 1, "tcpSocket": {}},
            {
                "tcpSocket": {"port": 0},
                "periodSeconds": 1,
                "successThreshold": 1,
                "failureThreshold": 3,
                "timeoutSeconds": 1,
            },
        ),
        ({"grpc": {"port": 80}}, {"grpc": {"port": 80, "service": ""}, "successThreshold": 1}),
    ],
)
def test_readiness_probes_are_completed(
    admit: Any, service_data: Any, probe: dict[str, Any], completed: dict[str, Any]
) -> None:
    service = Service.from_wire(service_data(readinessProbe=probe))
    assert admit(service) == ""
    found = service.spec.template.spec.containers[0].readiness_probe
    assert found is not None
    assert found.to_wire() == completed


def test_named_revision_is_not_defaulted_again(admit: Any, service_data: Any) -> None:
    """So that new defaults of an upgrade do not look like a change of a named Revision."""
    old = Service.from_wire(service_data())
    old.spec.template.metadata.name = "hello-one"
    new = old.deep_copy()
    assert admit(new, old) == ""
    assert new.spec.template.spec.timeout_seconds is None


def test_config_defaults_apply(admit: Any, service_data: Any) -> None:
    maps = {
        "config-defaults": {
            "revision-timeout-seconds": "60",
            "revision-idle-timeout-seconds": "20",
            "revision-cpu-request": "400m",
            "container-name-template": "{{.Name}}-main",
            "enable-service-links": "default",
        }
    }
    service = Service.from_wire(service_data())
    assert admit(service, maps=maps) == ""
    spec = service.spec.template.spec
    assert (spec.timeout_seconds, spec.idle_timeout_seconds) == (60, 20)
    assert spec.enable_service_links is None
    assert spec.containers[0].name == "hello-main"
    assert spec.containers[0].resources.requests == {"cpu": "400m"}


def test_mounts_are_read_only_unless_the_volume_is_the_pods_own(admit: Any) -> None:
    service = Service.from_wire(
        {
            "metadata": {"name": "hello"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "image": "busybox",
                                "volumeMounts": [
                                    {"name": "config", "mountPath": "/etc/config"},
                                    {"name": "scratch", "mountPath": "/scratch"},
                                ],
                            }
                        ],
                        "volumes": [
                            {"name": "config", "configMap": {"name": "config"}},
                            {"name": "scratch", "emptyDir": {}},
                        ],
                    }
                }
            },
        }
    )
    assert admit(service) == ""
    mounts = service.spec.template.spec.containers[0].volume_mounts
    assert [mount.read_only for mount in mounts] == [True, False]


def test_secure_pod_defaults_fill_in_the_restricted_profile(admit: Any, service_data: Any) -> None:
    maps = {"config-features": {"secure-pod-defaults": "Enabled"}}
    warnings: list[str] = []
    service = Service.from_wire(service_data(ports=[{"containerPort": 80}]))
    assert admit(service, maps=maps, warnings=warnings) == ""
    context = service.spec.template.spec.containers[0].security_context
    assert context is not None
    assert context.to_wire() == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert warnings == []


def test_existing_revisions_are_left_alone(admit: Any) -> None:
    revision = Revision.from_wire(
        {"metadata": {"name": "r"}, "spec": {"containers": [{"image": "busybox"}]}}
    )
    assert admit(revision.deep_copy(), revision) == ""
    assert revision.spec.timeout_seconds is None


def test_insecure_defaults_are_warned_about(admit: Any, service_data: Any) -> None:
    warnings: list[str] = []
    assert admit(Service.from_wire(service_data()), warnings=warnings) == ""
    assert warnings == [
        "Kubernetes default value is insecure, Knative may default this to secure in a future"
        " release: spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation,"
        " spec.template.spec.containers[0].securityContext.capabilities,"
        " spec.template.spec.containers[0].securityContext.runAsNonRoot,"
        " spec.template.spec.containers[0].securityContext.seccompProfile"
    ]
