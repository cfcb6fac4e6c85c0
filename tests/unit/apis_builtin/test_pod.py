"""Pods: what is filled in, refused, allowed to change and shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.meta import format_time
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apimachinery.tables import render_row
from wakeful.apis.core.pod_columns import COLUMNS
from wakeful.apis.core.pod_defaults import default_pull_policy, set_pod_defaults
from wakeful.apis.core.pod_types import Pod
from wakeful.apis.core.pod_validation import UPDATE_FORBIDDEN, validate_pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CREATE = AdmissionContext("CREATE", NOW)
UPDATE = AdmissionContext("UPDATE", NOW)


def pod(**spec: Any) -> Pod:
    wire = {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
    wire["spec"].setdefault("containers", [{"name": "c", "image": "nginx"}])
    made = Pod.from_wire(wire)
    set_pod_defaults(made, None, CREATE)
    return made


def faults(new: Pod, old: Pod | None = None) -> dict[str, str]:
    context = CREATE if old is None else UPDATE
    return {c["field"]: c["message"] for c in to_causes(validate_pod(new, old, context))}


def test_a_bare_pod_gets_the_defaults_of_kubernetes() -> None:
    wire = pod().to_wire()
    assert wire["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "Always",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ],
        "enableServiceLinks": True,
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    assert wire["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert not faults(pod())


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/app", "Always"),
        ("localhost:5000/app:v1", "IfNotPresent"),
        ("app@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


def test_limits_stand_in_for_missing_requests_and_quantities_are_canonical() -> None:
    resources = {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": 0.1}}
    made = pod(containers=[{"name": "c", "image": "i", "resources": resources}])
    assert made.spec.containers[0].resources.to_wire() == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "1Gi"},
    }
    assert made.status.qos_class == "Burstable"


def test_volumes_and_probes_are_filled_in() -> None:
    made = pod(
        volumes=[
            {"name": "e"},
            {"name": "s", "secret": {"secretName": "x"}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        ],
        containers=[
            {"name": "c", "image": "i", "readinessProbe": {"httpGet": {"port": 8080}}},
        ],
    )
    volumes = [v.to_wire() for v in made.spec.volumes]
    assert volumes == [
        {"name": "e", "emptyDir": {}},
        {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}},
        {
            "name": "p",
            "projected": {
                "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                "defaultMode": 420,
            },
        },
    ]
    probe = made.spec.containers[0].readiness_probe
    assert probe is not None
    assert probe.to_wire() == {
        "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"containers": []}, "spec.containers", "Required value"),
        ({"containers": [{"image": "i"}]}, "spec.containers[0].name", "Required value"),
        ({"containers": [{"name": "c"}]}, "spec.containers[0].image", "Required value"),
        (
            {"containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]},
            "spec.containers[1].name",
            'Duplicate value: "a"',
        ),
        (
            {"restartPolicy": "Sometimes"},
            "spec.restartPolicy",
            'Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
        ),
        (
            {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 70000}]}]},
            "spec.containers[0].ports[0].containerPort",
            "Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            {
                "containers": [
                    {"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
                ]
            },
            "spec.containers[0].volumeMounts[0].name",
            'Not found: "v"',
        ),
        (
            {
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "resources": {"limits": {"cpu": 1}, "requests": {"cpu": 2}},
                    }
                ]
            },
            "spec.containers[0].resources.requests",
            'Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
            "spec.volumes[0].emptyDir",
            "Forbidden: may not specify more than 1 volume type",
        ),
        (
            {"containers": [{"name": "c", "image": "i", "livenessProbe": {}}]},
            "spec.containers[0].livenessProbe",
            "Required value: must specify a handler type",
        ),
    ],
)
def test_faults_are_named_in_kubernetes_words(
    spec: dict[str, Any], field: str, message: str
) -> None:
    assert faults(pod(**spec)).get(field) == message


def test_only_images_deadlines_and_more_tolerations_may_change() -> None:
    old = pod()
    new = old.deep_copy()
    new.spec.containers[0].image = "nginx:2"
    new.spec.active_deadline_seconds = 5
    assert not faults(new, old)
    new.spec.containers[0].command = ["sh"]
    assert faults(new, old)["spec"].startswith(f"Forbidden: {UPDATE_FORBIDDEN}")
    removed = old.deep_copy()
    removed.spec.tolerations = []
    assert "spec.tolerations" in faults(removed, old)


def _row(**status: Any) -> list[Any]:
    wire = pod().to_wire()
    wire["metadata"]["creationTimestamp"] = format_time(NOW - timedelta(minutes=3))
    metadata = status.pop("metadata", {})
    wire["metadata"] |= metadata
    wire["status"] = status
    return render_row(COLUMNS, wire, NOW)


@pytest.mark.parametrize(
    ("status", "cells"),
    [
        ({"phase": "Pending"}, ["0/1", "Pending", "0"]),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "c", "ready": True, "restartCount": 0, "state": {"running": {}}}
                ],
            },
            ["1/1", "Running", "0"],
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": "c",
                        "ready": False,
                        "restartCount": 2,
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {
                            "terminated": {"exitCode": 1, "finishedAt": "2026-01-01T11:59:50Z"}
                        },
                    }
                ],
            },
            ["0/1", "CrashLoopBackOff", "2 (10s ago)"],
        ),
        (
            {
                "phase": "Succeeded",
                "containerStatuses": [
                    {"name": "c", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
                ],
            },
            ["0/1", "Completed", "0"],
        ),
        (
            {
                "phase": "Failed",
                "containerStatuses": [
                    {"name": "c", "state": {"terminated": {"exitCode": 137, "signal": 9}}}
                ],
            },
            ["0/1", "Signal:9", "0"],
        ),
        (
            {"phase": "Running", "metadata": {"deletionTimestamp": "2026-01-01T11:59:50Z"}},
            ["0/1", "Terminating", "0"],
        ),
    ],
)
def test_status_cell_says_what_matters_most(status: dict[str, Any], cells: list[str]) -> None:
    assert _row(**status)[:4] == ["web", *cells]


def test_wide_cells_show_none_for_what_is_not_known() -> None:
    assert _row(phase="Pending")[4:] == ["3m", "<none>", "<none>", "<none>", "<none>"]
