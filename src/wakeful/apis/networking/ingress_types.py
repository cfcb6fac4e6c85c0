"""Ingress: hosts, and the split of their requests over Kubernetes Services."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.scalars import IntOrString
from wakeful.apis.networking.ingress_lifecycle import IngressStatus
from wakeful.apis.networking.register import GROUP, INGRESS_CLASS_KEYS, VERSION


class IngressVisibility(StrEnum):
    """From where hosts can be reached."""

    EXTERNAL_IP = "ExternalIP"
    CLUSTER_LOCAL = "ClusterLocal"


class HTTPOption(StrEnum):
    """What plain HTTP does once there is a certificate."""

    ENABLED = "Enabled"
    REDIRECTED = "Redirected"


class IngressTLS(APIModel):
    """The certificate of some hosts."""

    hosts: list[str] = Field(default_factory=list)
    secret_name: str = ""
    secret_namespace: str = ""


class HeaderMatch(APIModel):
    """What a header must be."""

    exact: str = ""


class IngressBackendSplit(APIModel):
    """A share of a path's requests and where it goes."""

    service_namespace: str = ""
    service_name: str = ""
    service_port: IntOrString | None = None
    percent: int = 0
    rewrite_host: str = ""
    """Like the path's, for this share alone; not in Knative."""
    append_headers: dict[str, str] = Field(default_factory=dict)


class HTTPIngressPath(APIModel):
    """Requests below a path, with these headers."""

    path: str = ""
    path_type: str = ""
    """``Exact`` or ``Prefix`` (of whole segments); empty compares characters. Not in Knative."""
    rewrite_path: str = ""
    """What the matched path becomes; not in Knative."""
    rewrite_host: str = ""
    headers: dict[str, HeaderMatch] = Field(default_factory=dict)
    splits: list[IngressBackendSplit] = Field(default_factory=list)
    append_headers: dict[str, str] = Field(default_factory=dict)


class HTTPIngressRuleValue(APIModel):
    """Paths of one rule; the longest that matches is taken."""

    paths: list[HTTPIngressPath] = Field(default_factory=list)


class IngressRule(APIModel):
    """Some hosts and what happens to their requests."""

    hosts: list[str] = Field(default_factory=list)
    visibility: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressSpec(APIModel):
    """What the gateway is asked to serve."""

    tls: list[IngressTLS] = Field(default_factory=list)
    rules: list[IngressRule] = Field(default_factory=list)
    http_option: str = ""


class Ingress(KResource[IngressSpec, IngressStatus]):
    """Has the gateway serve hosts."""

    gvk: ClassVar = GroupVersionKind(GROUP, VERSION, "Ingress")

    spec: IngressSpec = Field(default_factory=IngressSpec)
    status: IngressStatus = Field(default_factory=IngressStatus)

    @property
    def class_name(self) -> str:
        """Which gateway is asked; empty for the default one."""
        annotations = self.metadata.annotations
        return next((annotations[key] for key in INGRESS_CLASS_KEYS if key in annotations), "")

    @property
    def is_ready(self) -> bool:
        """Served as the newest generation asks."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true
