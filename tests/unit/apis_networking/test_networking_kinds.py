"""The kinds of networking.internal.knative.dev: wire form, defaults, rules, conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis.networking import (
    RESOURCES,
    Certificate,
    ClusterDomainClaim,
    Ingress,
    LoadBalancerIngressStatus,
    ServerlessService,
    set_ingress_defaults,
    validate_certificate,
    validate_clusterdomainclaim,
    validate_ingress,
    validate_serverlessservice,
)

CREATE = AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC))


def split(**fields: Any) -> dict[str, Any]:
    return {"serviceNamespace": "default", "serviceName": "r", "servicePort": 80} | fields


def ingress(**rule: Any) -> Ingress:
    body = {
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"rules": [{"hosts": ["a.b"]} | rule]},
    }
    return Ingress.from_wire(body)


def paths(*splits: dict[str, Any]) -> dict[str, Any]:
    return {"http": {"paths": [{"splits": list(splits)}]}}


def test_every_kind_has_its_names() -> None:
    names = {(r.kind, r.plural, r.short_names, r.namespaced) for r in Scheme(RESOURCES)}
    assert names == {
        ("Ingress", "ingresses", ("kingress", "king"), True),
        ("ServerlessService", "serverlessservices", ("sks",), True),
        ("Certificate", "certificates", ("kcert",), True),
        ("ClusterDomainClaim", "clusterdomainclaims", ("cdc",), False),
    }


def test_ingress_defaults_make_rules_public_and_a_single_split_whole() -> None:
    made = ingress(**paths(split()))

    set_ingress_defaults(made, None, CREATE)

    assert made.spec.rules[0].visibility == "ExternalIP"
    assert made.spec.rules[0].http is not None
    assert made.spec.rules[0].http.paths[0].splits[0].percent == 100
    assert validate_ingress(made, None, CREATE) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "missing field(s): spec.rules[0].http"),
        ({"http": {}}, "missing field(s): spec.rules[0].http.paths"),
        (paths(), "missing field(s): spec.rules[0].http.paths[0]"),
        (
            paths(split(percent=30), split(percent=60)),
            "traffic split percentage must total to 100, but was 90:"
            " spec.rules[0].http.paths[0].splits",
        ),
        (
            paths(split(percent=101)),
            "invalid value: 101: spec.rules[0].http.paths[0].splits[0].percent",
        ),
        (
            paths(split(serviceNamespace="other")),
            "service namespace must match ingress namespace:"
            " spec.rules[0].http.paths[0].splits[0].serviceNamespace",
        ),
        (
            paths({"serviceNamespace": "default"}),
            "missing field(s): spec.rules[0].http.paths[0].splits[0].serviceName,"
            " spec.rules[0].http.paths[0].splits[0].servicePort",
        ),
    ],
)
def test_faults_of_an_ingress_are_named_with_their_path(rule: dict[str, Any], text: str) -> None:
    assert to_text(validate_ingress(ingress(**rule), None, CREATE)) == text


def test_ingress_needs_a_spec_and_tls_needs_a_secret() -> None:
    assert to_text(validate_ingress(Ingress(), None, CREATE)) == "missing field(s): spec"
    made = ingress(**paths(split()))
    made = Ingress.from_wire(
        made.to_wire() | {"spec": made.to_wire()["spec"] | {"tls": [{"hosts": ["a"]}]}}
    )
    assert to_text(validate_ingress(made, None, CREATE)) == (
        "missing field(s): spec.tls[0].secretName, spec.tls[0].secretNamespace"
    )


def test_serverless_service_needs_mode_object_and_protocol() -> None:
    made = ServerlessService.from_wire({"spec": {"mode": "Sometimes", "numActivators": -1}})

    assert to_text(validate_serverlessservice(made, None, CREATE)) == "\n".join(
        [
            "invalid value: : spec.protocolType",
            "invalid value: -1: spec.numActivators",
            "invalid value: Sometimes: spec.mode",
            "missing field(s): spec.objectRef",
        ]
    )


def test_certificate_domain_must_fit_a_name() -> None:
    made = Certificate.from_wire(
        {"spec": {"dnsNames": ["a.example.org"], "domain": "example.com", "secretName": "s"}}
    )
    assert "domain must be a suffix of" in to_text(validate_certificate(made, None, CREATE))


def test_claim_needs_a_namespace() -> None:
    faults = validate_clusterdomainclaim(ClusterDomainClaim(), None, CREATE)
    assert to_text(faults) == "missing field(s): spec.namespace"


def test_ingress_is_ready_when_told_and_served() -> None:
    made = ingress(**paths(split()))
    made.metadata.generation = made.status.observed_generation = 3
    made.status.manage().initialize()
    assert not made.is_ready

    made.status.mark_network_configured()
    made.status.mark_load_balancer_ready(
        [LoadBalancerIngressStatus(ip="127.0.0.1")],
        [LoadBalancerIngressStatus(domain_internal="gateway.svc")],
    )

    assert made.is_ready
    wire = made.to_wire()["status"]
    assert wire["publicLoadBalancer"] == {"ingress": [{"ip": "127.0.0.1"}]}
    assert wire["privateLoadBalancer"] == {"ingress": [{"domainInternal": "gateway.svc"}]}


def test_being_behind_the_gate_does_not_decide_readiness() -> None:
    service = ServerlessService()
    service.status.manage().initialize()
    service.status.mark_endpoints_ready()
    service.status.mark_activator_endpoints_removed()

    ready = service.status.condition("Ready")
    gate = service.status.condition("ActivatorEndpointsPopulated")
    assert ready is not None
    assert gate is not None
    assert (ready.status, gate.status, gate.severity) == ("True", "False", "Info")
