from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.apps import Deployment
from wakeful.apis.serving import ContainerImage, Revision
from wakeful.apis.serving.config import DeploymentConfig
from wakeful.reconciler.serving.revision.resources import (
    RevisionConfig,
    make_deployment,
    make_image,
    make_pod_autoscaler,
    merge_deployment,
    sync_autoscaling,
)

S = "serving.knative.dev"
CONFIG = RevisionConfig()


@pytest.fixture
def revision(make_revision: Any) -> Revision:
    """A Revision as defaulting leaves it."""
    found: Revision = make_revision(
        "hello-00001",
        1,
        containers=[
            {
                "name": "user-container",
                "image": "busybox",
                "ports": [{"name": "h2c", "containerPort": 9000}],
                "env": [{"name": "TARGET", "value": "World"}],
                "readinessProbe": {"tcpSocket": {"port": 0}, "successThreshold": 1},
                "livenessProbe": {"httpGet": {"path": "/", "port": 1234, "scheme": "http"}},
            }
        ],
        timeoutSeconds=60,
        containerConcurrency=5,
        enableServiceLinks=False,
    )
    found.metadata.annotations = {
        "autoscaling.knative.dev/initial-scale": "2",
        f"{S}/progress-deadline": "2m",
        f"{S}/routes": "hello",
        f"{S}/routingStateModified": "2026-01-02T03:04:05Z",
        "note": "x",
    }
    return found


def test_deployment_of_a_revision(revision: Revision) -> None:
    revision.status.container_statuses = [
        ContainerImage(name="user-container", image_digest="busybox@sha256:abc")
    ]
    made = make_deployment(revision, CONFIG)
    labels = {
        f"{S}/configuration": "hello",
        f"{S}/configurationGeneration": "1",
        f"{S}/service": "hello",
        f"{S}/revision": "hello-00001",
        f"{S}/revisionUID": "hello-00001-uid",
        "app": "hello-00001",
    }
    assert made.metadata.name == "hello-00001-deployment"
    digest = made.metadata.labels.pop(f"{S}/deployment-hash")
    assert digest
    assert made.metadata.labels == labels
    assert made.metadata.annotations == {"note": "x", f"{S}/progress-deadline": "2m"}
    wire = made.to_wire()["spec"]
    pod = wire.pop("template")
    assert wire == {
        "replicas": 2,
        "selector": {"matchLabels": {f"{S}/revisionUID": "hello-00001-uid"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
        "revisionHistoryLimit": 0,
        "progressDeadlineSeconds": 120,
    }
    assert pod["metadata"]["labels"] == labels
    assert (
        pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"]
        == "user-container"
    )
    affinity = pod["spec"].pop("affinity")
    assert affinity["podAntiAffinity"]
    assert pod["spec"] == {
        "containers": [
            {
                "name": "user-container",
                "image": "busybox@sha256:abc",
                "ports": [{"name": "user-port", "containerPort": 9000}],
                "env": [
                    {"name": "TARGET", "value": "World"},
                    {"name": "PORT", "value": "9000"},
                    {"name": "K_REVISION", "value": "hello-00001"},
                    {"name": "K_CONFIGURATION", "value": "hello"},
                    {"name": "K_SERVICE", "value": "hello"},
                ],
                "readinessProbe": {"tcpSocket": {"port": 9000}, "successThreshold": 1},
                "livenessProbe": {"httpGet": {"path": "/", "port": 9000, "scheme": "HTTP"}},
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
        "terminationGracePeriodSeconds": 60,
        "enableServiceLinks": False,
    }
    assert revision.spec.containers[0].env[-1].name == "TARGET"


def test_sidecars_have_no_port_but_know_who_they_are(make_revision: Any) -> None:
    revision = make_revision(
        "r",
        1,
        containers=[
            {"name": "main", "image": "busybox", "ports": [{"containerPort": 8888}]},
            {"name": "side", "image": "busybox"},
        ],
    )
    main, side = make_deployment(revision, CONFIG).spec.template.spec.containers
    assert [e.name for e in main.env] == ["PORT", "K_REVISION", "K_CONFIGURATION", "K_SERVICE"]
    assert [e.name for e in side.env] == ["K_REVISION", "K_CONFIGURATION", "K_SERVICE"]
    assert (main.ports[0].container_port, side.ports) == (8888, [])


def test_hash_follows_settings_but_not_scale_or_routing(revision: Revision) -> None:
    def digest(config: RevisionConfig = CONFIG) -> str:
        return make_deployment(revision, config).metadata.labels[f"{S}/deployment-hash"]

    before = digest()
    revision.metadata.labels[f"{S}/routingState"] = "reserve"
    revision.metadata.annotations[f"{S}/routes"] = "other"
    revision.metadata.annotations["autoscaling.knative.dev/initial-scale"] = "9"
    assert digest() == before
    affinity = RevisionConfig(deployment=DeploymentConfig(default_affinity_type="none"))
    assert digest(affinity) != before


def test_merging_keeps_scale_and_what_others_wrote(revision: Revision) -> None:
    have = make_deployment(revision, CONFIG)
    have.spec.replicas = 7
    have.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"] = "now"
    have.metadata.annotations["deployment.kubernetes.io/revision"] = "1"
    have.metadata.annotations["old.knative.dev/key"] = "gone"
    revision.spec.containers[0].image = "busybox:2"
    merged: Deployment = merge_deployment(make_deployment(revision, CONFIG), have)
    assert merged.spec.replicas == 7
    assert merged.spec.template.spec.containers[0].image == "busybox:2"
    assert merged.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"] == "now"
    assert "deployment.kubernetes.io/revision" in merged.metadata.annotations
    assert "old.knative.dev/key" not in merged.metadata.annotations


@pytest.mark.parametrize(
    ("state", "reachability"), [("active", "Reachable"), ("reserve", "Unreachable"), ("", "")]
)
def test_autoscaler_knows_whether_a_route_leads_here(
    revision: Revision, state: str, reachability: str
) -> None:
    revision.metadata.labels[f"{S}/routingState"] = state
    made = make_pod_autoscaler(revision, None, CONFIG.autoscaler)
    assert made.metadata.name == "hello-00001"
    assert made.spec.to_wire() == {
        "containerConcurrency": 5,
        "protocolType": "h2c",
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "hello-00001-deployment",
        },
    } | ({"reachability": reachability} if reachability else {})
    assert made.metadata.annotations["autoscaling.knative.dev/class"] == (
        "kpa.autoscaling.knative.dev"
    )


def test_revision_that_cannot_come_up_is_not_reachable(revision: Revision) -> None:
    revision.status.mark_container_exited(1, "")
    deployment = make_deployment(revision, CONFIG)
    made = make_pod_autoscaler(revision, deployment, CONFIG.autoscaler)
    assert made.spec.reachability == "Unreachable"


def test_edits_of_the_autoscaler_hold_until_the_revision_changes(revision: Revision) -> None:
    """``kubectl edit podautoscaler`` works; what the Revision says later takes its place."""
    want = make_pod_autoscaler(revision, None, CONFIG.autoscaler)
    have = want.deep_copy()
    assert sync_autoscaling(want, have) is None
    have.metadata.annotations |= {
        "autoscaling.knative.dev/min-scale": "3",
        "autoscaling.knative.dev/metric": "concurrency",
        "other": "stays",
    }
    assert sync_autoscaling(want, have) is None

    revision.metadata.annotations["autoscaling.knative.dev/max-scale"] = "4"
    changed = sync_autoscaling(make_pod_autoscaler(revision, None, CONFIG.autoscaler), have)

    assert changed is not None
    assert "autoscaling.knative.dev/min-scale" not in changed.metadata.annotations
    assert changed.metadata.annotations["autoscaling.knative.dev/max-scale"] == "4"
    assert changed.metadata.annotations["autoscaling.knative.dev/metric"] == "concurrency"
    assert changed.metadata.annotations["other"] == "stays"


def test_edits_of_what_is_ours_alone_hold_too(revision: Revision) -> None:
    """How to rest at zero is scaling as much as the rest; what it was made from is not."""
    revision.metadata.annotations["autoscaling.wakeful.dev/at-zero"] = "zygote"
    want = make_pod_autoscaler(revision, None, CONFIG.autoscaler)
    have = want.deep_copy()
    have.metadata.annotations["autoscaling.wakeful.dev/at-zero"] = "frozen"
    have.metadata.annotations["autoscaling.wakeful.dev/frozen-for"] = "1h"
    assert sync_autoscaling(want, have) is None

    revision.metadata.annotations["autoscaling.wakeful.dev/at-zero"] = "gone"
    changed = sync_autoscaling(make_pod_autoscaler(revision, None, CONFIG.autoscaler), have)

    assert changed is not None
    assert changed.metadata.annotations["autoscaling.wakeful.dev/at-zero"] == "gone"
    assert "autoscaling.wakeful.dev/frozen-for" not in changed.metadata.annotations


def test_what_is_decided_elsewhere_is_put_back_at_once(revision: Revision) -> None:
    want = make_pod_autoscaler(revision, None, CONFIG.autoscaler)
    have = want.deep_copy()
    have.spec.container_concurrency = 99
    have.metadata.annotations["autoscaling.knative.dev/min-scale"] = "3"

    changed = sync_autoscaling(want, have)

    assert changed is not None
    assert changed.spec == want.spec
    assert changed.metadata.annotations["autoscaling.knative.dev/min-scale"] == "3"


def test_image_is_cached_by_digest(revision: Revision) -> None:
    made = make_image(revision, "user-container", "busybox@sha256:abc")
    assert made.metadata.name == "hello-00001-cache-user-container"
    assert made.spec.image == "busybox@sha256:abc"
