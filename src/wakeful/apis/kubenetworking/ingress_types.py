"""Ingress, IngressClass and NetworkPolicy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, invalid, required
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import Wire, dig, label_selector, text
from wakeful.apis.core.reference_types import TypedLocalObjectReference
from wakeful.apis.core.rules import validate_label_selector
from wakeful.apis.core.service_types import LoadBalancerStatus

GROUP = "networking.k8s.io"


class IngressTLS(APIModel):
    """Hosts, and the secret with their certificate."""

    hosts: list[str] = Field(default_factory=list)
    secret_name: str = ""


class ServiceBackendPort(APIModel):
    """A service's port by name or number."""

    name: str = ""
    number: int = 0


class IngressServiceBackend(APIModel):
    """A service and its port."""

    name: str = ""
    port: ServiceBackendPort = Field(default_factory=ServiceBackendPort)


class IngressBackend(APIModel):
    """Where requests go."""

    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(APIModel):
    """One path and where it leads."""

    path: str = ""
    path_type: str = ""
    backend: IngressBackend | None = None


class HTTPIngressRuleValue(APIModel):
    """The paths of one host."""

    paths: list[HTTPIngressPath] = Field(default_factory=list)


class IngressRule(APIModel):
    """One host; empty is every host."""

    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressSpec(APIModel):
    """Hosts and paths, and the services behind them."""

    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: list[IngressTLS] = Field(default_factory=list)
    rules: list[IngressRule] = Field(default_factory=list)


class IngressStatus(APIModel):
    """Where traffic comes in."""

    load_balancer: LoadBalancerStatus | None = None


class Ingress(KResource[IngressSpec, IngressStatus]):
    """Hosts and paths, and the services behind them."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Ingress")

    spec: IngressSpec = Field(default_factory=IngressSpec)
    status: IngressStatus = Field(default_factory=IngressStatus)


class IngressClassSpec(APIModel):
    """Who implements the class."""

    controller: str = ""
    parameters: dict[str, Any] | None = None


class IngressClass(Object):
    """A kind of ingress."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "IngressClass")

    spec: IngressClassSpec = Field(default_factory=IngressClassSpec)


class NetworkPolicySpec(APIModel):
    """Which traffic pods may have."""

    pod_selector: LabelSelector | None = None
    ingress: list[dict[str, Any]] = Field(default_factory=list)
    egress: list[dict[str, Any]] = Field(default_factory=list)
    policy_types: list[str] = Field(default_factory=list)


class NetworkPolicy(Object):
    """Which traffic pods may have."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "NetworkPolicy")

    spec: NetworkPolicySpec = Field(default_factory=NetworkPolicySpec)


def set_policy_defaults(new: NetworkPolicy, old: Object | None, context: AdmissionContext) -> None:
    """A policy is about incoming traffic, and about outgoing if it says something about it."""
    if new.spec.pod_selector is None:
        new.spec.pod_selector = LabelSelector()
    if not new.spec.policy_types:
        new.spec.policy_types = ["Ingress"] + (["Egress"] if new.spec.egress else [])


def validate_policy(
    new: NetworkPolicy, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The selector has to be one."""
    assert new.spec.pod_selector is not None
    return validate_label_selector(new.spec.pod_selector, "spec.podSelector")


def validate_ingress(new: Ingress, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """There are rules or a default; every path says how it matches and where it leads."""
    if context.subresource == "status":
        return []
    errors: FieldErrors = []
    if not new.spec.rules and new.spec.default_backend is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid("spec", new.spec.to_wire(), detail))
    for index, rule in enumerate(new.spec.rules):
        for position, path in enumerate(rule.http.paths if rule.http else ()):
            at = f"spec.rules[{index}].http.paths[{position}]"
            if not path.path_type:
                errors.append(required(f"{at}.pathType", "pathType must be specified"))
            if path.backend is None:
                errors.append(required(f"{at}.backend"))
    return errors


def _hosts(obj: Wire, now: datetime) -> str:
    hosts = [r["host"] for r in dig(obj, "spec", "rules", default=[]) if r.get("host")]
    if len(hosts) > 3:
        return f"{','.join(hosts[:3])} + {len(hosts) - 3} more..."
    return ",".join(hosts) or "*"


def _address(obj: Wire, now: datetime) -> str:
    ingress = dig(obj, "status", "loadBalancer", "ingress", default=[])
    return ",".join(i.get("ip") or i.get("hostname") or "" for i in ingress)


def _ports(obj: Wire, now: datetime) -> str:
    return "80, 443" if dig(obj, "spec", "tls") else "80"


def _selector(obj: Wire, now: datetime) -> str:
    return label_selector(dig(obj, "spec", "podSelector"))


RESOURCES: tuple[Resource, ...] = (
    Resource(
        Ingress,
        "ingresses",
        short_names=("ing",),
        has_status=True,
        columns=(
            Column("Class", text("spec", "ingressClassName")),
            Column("Hosts", _hosts),
            Column("Address", _address),
            Column("Ports", _ports),
            AGE,
        ),
        validate=validate_ingress,
        custom=False,
    ),
    Resource(
        IngressClass,
        "ingressclasses",
        namespaced=False,
        columns=(
            Column("Controller", ".spec.controller"),
            Column("Parameters", text("spec", "parameters", "name")),
            AGE,
        ),
        custom=False,
    ),
    Resource(
        NetworkPolicy,
        "networkpolicies",
        short_names=("netpol",),
        columns=(Column("Pod-Selector", _selector), AGE),
        set_defaults=set_policy_defaults,
        validate=validate_policy,
        custom=False,
    ),
)
