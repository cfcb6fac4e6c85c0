"""Services, maps, secrets, namespaces and claims."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from wakeful.apimachinery.fields import FieldError, to_causes
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apimachinery.tables import render_row
from wakeful.apis.core import RESOURCES, ConfigMap, Namespace, Secret, Service
from wakeful.apis.core.scalars import canonical_quantity
from wakeful.apis.events import from_core, to_core

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CREATE = AdmissionContext("CREATE", NOW)
UPDATE = AdmissionContext("UPDATE", NOW)
SCHEME = Scheme(RESOURCES)


def admit(obj: Object, old: Object | None = None) -> dict[str, str]:
    resource = SCHEME.of(type(obj))
    context = CREATE if old is None else UPDATE
    if resource.set_defaults is not None:
        resource.set_defaults(obj, old, context)
    found: list[FieldError] = []
    if resource.validate is not None:
        found = list(resource.validate(obj, old, context))
    return {c["field"]: c["message"] for c in to_causes(found)}


def service(**spec: Any) -> Service:
    return Service.from_wire({"metadata": {"name": "web"}, "spec": spec})


def test_service_ports_lead_to_the_same_port_by_default() -> None:
    made = service(ports=[{"port": 80}], clusterIP="198.18.0.9")
    assert admit(made) == {}
    assert made.to_wire()["spec"] == {
        "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}],
        "clusterIP": "198.18.0.9",
        "clusterIPs": ["198.18.0.9"],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }


def test_service_keeps_its_address_and_may_not_change_it() -> None:
    old = service(ports=[{"port": 80}], clusterIP="198.18.0.9")
    admit(old)
    silent = service(ports=[{"port": 81}])
    assert admit(silent, old) == {}
    assert silent.spec.cluster_ip == "198.18.0.9"
    moved = service(ports=[{"port": 80}], clusterIP="198.18.0.10")
    assert "may not change once set" in admit(moved, old)["spec.clusterIPs[0]"]


def test_service_leaves_the_policy_of_its_former_type() -> None:
    """As `kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'` sends it."""
    old = service(type="NodePort", ports=[{"port": 80}], clusterIP="198.18.0.9")
    admit(old)
    assert old.spec.external_traffic_policy == "Cluster"
    inside = old.deep_copy()
    inside.spec.type = "ClusterIP"
    assert admit(inside, old) == {}
    assert inside.spec.external_traffic_policy == ""


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({}, "spec.ports", "Required value"),
        (
            {
                "type": "NodePort",
                "ports": [
                    {"name": "a", "port": 1, "nodePort": 31000},
                    {"name": "b", "port": 2, "nodePort": 31000},
                ],
            },
            "spec.ports[1].nodePort",
            "Duplicate value: 31000",
        ),
        (
            {"type": "NodePort", "ports": [{"port": 1}], "externalTrafficPolicy": "Foo"},
            "spec.externalTrafficPolicy",
            'Unsupported value: "Foo": supported values: "Cluster", "Local"',
        ),
        (
            {"ports": [{"port": 1}], "externalTrafficPolicy": "Local"},
            "spec.externalTrafficPolicy",
            'Invalid value: "Local": may only be set for externally-accessible services',
        ),
        (
            {"ports": [{"port": 1}], "internalTrafficPolicy": "Foo"},
            "spec.internalTrafficPolicy",
            'Unsupported value: "Foo": supported values: "Cluster", "Local"',
        ),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name", "Required value"),
        (
            {"ports": [{"port": 0}]},
            "spec.ports[0].port",
            "Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        ({"type": "ExternalName"}, "spec.externalName", "Required value"),
    ],
)
def test_service_faults(spec: dict[str, Any], field: str, message: str) -> None:
    assert admit(service(**spec))[field] == message


def test_service_cells() -> None:
    made = service(
        ports=[{"port": 80}, {"port": 443, "nodePort": 30000}],
        clusterIP="198.18.0.9",
        selector={"b": "1", "a": "2"},
    )
    admit(made)
    columns = SCHEME.of(Service).columns
    row = render_row(columns, made.to_wire(), NOW)
    assert row[:5] == ["web", "ClusterIP", "198.18.0.9", "<none>", "80/TCP,443:30000/TCP"]
    assert row[6] == "a=2,b=1"


def test_secret_text_is_folded_into_the_data() -> None:
    made = Secret.from_wire({"data": {"a": "YQ=="}, "stringData": {"b": "x", "a": "y"}})
    assert admit(made) == {}
    assert made.to_wire() == {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": base64.b64encode(b"y").decode(), "b": base64.b64encode(b"x").decode()},
        "type": "Opaque",
    }


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("kubernetes.io/tls", {"data[tls.crt]", "data[tls.key]"}),
        ("kubernetes.io/basic-auth", {"data[username]", "data[password]"}),
        ("kubernetes.io/dockerconfigjson", {"data[.dockerconfigjson]"}),
        ("kubernetes.io/ssh-auth", {"data[ssh-privatekey]"}),
    ],
)
def test_secret_types_require_their_keys(kind: str, fields: set[str]) -> None:
    assert set(admit(Secret.from_wire({"type": kind}))) == fields


def test_secret_type_is_fixed_and_values_are_base64() -> None:
    old = Secret(type="Opaque")
    assert admit(Secret(type="other"), old) == {
        "type": 'Invalid value: "other": field is immutable'
    }
    with pytest.raises(ValidationError, match="illegal base64 data"):
        Secret.from_wire({"data": {"a": "%"}})


def test_immutable_maps_stay_what_they_are() -> None:
    old = ConfigMap(data={"a": "1"}, immutable=True)
    new = ConfigMap(data={"a": "2"})
    assert admit(new, old) == {
        "immutable": "Forbidden: field is immutable when `immutable` is set",
        "data": "Forbidden: field is immutable when `immutable` is set",
    }


def test_config_map_keys() -> None:
    assert "data[a b]" in admit(ConfigMap(data={"a b": ""}))
    assert "data[a\n]" in admit(ConfigMap(data={"a\n": ""}))


def test_namespace_is_held_by_its_finalizer_and_labelled() -> None:
    made = Namespace.from_wire({"metadata": {"name": "team"}})
    assert admit(made) == {}
    assert made.to_wire() == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "team", "labels": {"kubernetes.io/metadata.name": "team"}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
    emptied = Namespace.from_wire({"metadata": {"name": "team"}})
    admit(emptied, made)
    assert emptied.spec.finalizers == ["kubernetes"]


def test_events_have_two_spellings() -> None:
    core = {
        "involvedObject": {"kind": "Pod"},
        "message": "m",
        "reason": "r",
        "source": {"component": "c"},
        "count": 2,
    }
    other = from_core(core)
    assert other == {
        "regarding": {"kind": "Pod"},
        "note": "m",
        "reason": "r",
        "deprecatedSource": {"component": "c"},
        "deprecatedCount": 2,
    }
    assert to_core(other) == core


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("1e4", "10e3"),
        (1, "1"),
        (0.25, "250m"),
        ("0", "0"),
        ("-1500m", "-1500m"),
    ],
)
def test_quantities_are_canonical(text: Any, canonical: str) -> None:
    assert canonical_quantity(text) == canonical
    assert canonical_quantity(canonical) == canonical
