"""Whatever is sent, the answer is a named fault, never a crash."""

from __future__ import annotations

import contextlib
import copy
import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.scheme import AdmissionContext, Resource, Scheme
from wakeful.apimachinery.tables import render_row

GROUPS = (
    "admissionregistration",
    "apiextensions",
    "apps",
    "authentication",
    "authorization",
    "batch",
    "coordination",
    "core",
    "discovery",
    "events",
    "hpa",
    "kubenetworking",
    "policy",
    "rbac",
    "scheduling",
    "storageapi",
)
SCHEME = Scheme(
    resource
    for group in GROUPS
    for resource in importlib.import_module(f"wakeful.apis.{group}").RESOURCES
)
RESOURCES = list(SCHEME)
NOW = datetime(2026, 1, 1, tzinfo=UTC)

POD = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "ports": [{"containerPort": 80, "name": "http"}],
            "resources": {"limits": {"cpu": "1"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "readinessProbe": {"httpGet": {"port": "http", "path": "/"}},
        }
    ],
    "volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "m"}}]}}],
    "tolerations": [{"key": "k", "operator": "Exists"}],
}
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": POD}
WORKLOAD = {"selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE, "replicas": 1}
SAMPLES: dict[str, dict[str, Any]] = {
    "Pod": {
        "spec": POD,
        "status": {
            "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 1}}}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    },
    "Deployment": {"spec": {**WORKLOAD, "strategy": {"rollingUpdate": {"maxSurge": "25%"}}}},
    "ReplicaSet": {"spec": WORKLOAD},
    "StatefulSet": {"spec": {**WORKLOAD, "volumeClaimTemplates": [{"metadata": {"name": "d"}}]}},
    "DaemonSet": {"spec": WORKLOAD},
    "ReplicationController": {"spec": {"selector": {"app": "a"}, "template": TEMPLATE}},
    "Job": {"spec": {"template": TEMPLATE}, "status": {"startTime": "2026-01-01T00:00:00Z"}},
    "CronJob": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
    "Service": {
        "spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": {"a": "b"}},
        "status": {"loadBalancer": {"ingress": [{"ip": "198.18.0.1"}]}},
    },
    "Endpoints": {"subsets": [{"addresses": [{"ip": "198.18.0.1"}], "ports": [{"port": 80}]}]},
    "EndpointSlice": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["198.18.0.1"]}],
        "ports": [{"port": 80}],
    },
    "ConfigMap": {"data": {"a": "b"}, "binaryData": {"c": "YQ=="}},
    "Secret": {"data": {".dockerconfigjson": "e30="}, "type": "kubernetes.io/dockerconfigjson"},
    "Event": {"involvedObject": {"kind": "Pod", "name": "p"}, "series": {"count": 1}},
    "Node": {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    "PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    "PersistentVolume": {"spec": {"capacity": {"storage": "1Gi"}, "claimRef": {"name": "c"}}},
    "LimitRange": {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}},
    "ResourceQuota": {"spec": {"hard": {"cpu": "1"}}},
    "Role": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    "RoleBinding": {
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}],
    },
    "ClusterRole": {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]},
    "ClusterRoleBinding": {"roleRef": {"kind": "ClusterRole", "name": "r"}},
    "Lease": {"spec": {"leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}},
    "HorizontalPodAutoscaler": {
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "d"},
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {}}}],
        },
        "status": {"currentMetrics": [{"type": "Resource"}]},
    },
    "Ingress": {
        "spec": {"rules": [{"host": "h", "http": {"paths": [{"path": "/", "backend": {}}]}}]}
    },
    "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": {"a": "b"}}, "egress": [{}]}},
    "PodDisruptionBudget": {"spec": {"minAvailable": "50%", "selector": {}}},
    "MutatingWebhookConfiguration": {"webhooks": [{"name": "w"}]},
    "ValidatingWebhookConfiguration": {"webhooks": [{"name": "w"}]},
    "CustomResourceDefinition": {
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": {"type": "array", "items": {"type": "string"}}},
                        }
                    },
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.n"}},
                    "additionalPrinterColumns": [{"name": "N", "jsonPath": ".spec"}],
                }
            ],
        }
    },
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.sampled_from(["", "a", "\n", "%", "-1", "99%", "Exists", "../x", "0.0.0.0", "é"]),
    st.text(max_size=8),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=3), max_size=2),
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            yield from paths(child, (*path, key))


def replaced(value: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return changed


def sample(resource: Resource) -> dict[str, Any]:
    return {"metadata": {"name": "a", "labels": {"x": "y"}}, **SAMPLES.get(resource.kind, {})}


def admit(resource: Resource, wire: dict[str, Any], old: Any = None) -> Any:
    obj = resource.model.from_wire(wire)
    context = AdmissionContext("CREATE" if old is None else "UPDATE", NOW)
    if resource.set_defaults is not None:
        resource.set_defaults(obj, old, context)
    if resource.validate is not None:
        to_causes(resource.validate(obj, old, context))
    shown = obj.to_wire()
    render_row(resource.columns, shown, NOW)
    assert resource.model.from_wire(shown).to_wire() == shown
    return obj


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.kind)
def test_samples_survive_and_settle(resource: Resource) -> None:
    """Defaulting what was defaulted already changes nothing."""
    first = admit(resource, sample(resource))
    second = admit(resource, first.to_wire(), first)
    assert second.to_wire() == first.to_wire()


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.kind)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(data=st.data())
def test_junk_anywhere_is_a_fault_not_a_crash(resource: Resource, data: st.DataObject) -> None:
    whole = sample(resource)
    path = data.draw(st.sampled_from(list(paths(whole))))
    wire = replaced(whole, path, data.draw(JUNK))
    old = data.draw(st.sampled_from([None, admit(resource, whole)]))
    with contextlib.suppress(ValidationError):
        admit(resource, wire, old)


def test_every_kind_is_served_as_a_built_in() -> None:
    assert all(not resource.custom for resource in RESOURCES)
    assert len({resource.group_resource for resource in RESOURCES}) == len(RESOURCES)
