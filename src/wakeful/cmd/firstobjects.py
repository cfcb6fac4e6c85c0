"""Objects that exist from the start: namespaces, configuration, the gateway's familiar name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from wakeful import __version__
from wakeful.apimachinery.errors import AlreadyExistsError
from wakeful.apimachinery.request import APIRequest, PatchType, Transport, Verb
from wakeful.apis.serving.config.domain import FALLBACK_DOMAIN
from wakeful.config import Settings

log = structlog.get_logger("wakeful.cmd.firstobjects")

JSONObject = dict[str, Any]
_PLURALS = {
    "Namespace": "namespaces",
    "ConfigMap": "configmaps",
    "Endpoints": "endpoints",
    "Service": "services",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}

NAMESPACES = (
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "knative-serving",
    "knative-eventing",
    "istio-system",
)

_DOMAIN_EXAMPLE = """\
# Services get the domain `localhost` while this map names none, so that
# http://NAME.NAMESPACE.localhost:PORT opens in any browser of this machine.
# A key is a domain. Its value is empty for the default, or selects routes:
example.org: |
  selector:
    app: nonprofit
# Routes under svc.cluster.local are not reachable from outside.
svc.cluster.local: |
  selector:
    app: secret
"""
_AUTOSCALER_EXAMPLE = """\
# Every key may be set; changes take effect at once.
container-concurrency-target-percentage: "70"
container-concurrency-target-default: "100"
requests-per-second-target-default: "200"
target-burst-capacity: "211"
stable-window: "60s"
panic-window-percentage: "10.0"
panic-threshold-percentage: "200.0"
max-scale-up-rate: "1000.0"
max-scale-down-rate: "2.0"
enable-scale-to-zero: "true"
scale-to-zero-grace-period: "30s"
scale-to-zero-pod-retention-period: "0s"
pod-autoscaler-class: "kpa.autoscaling.knative.dev"
initial-scale: "1"
allow-zero-initial-scale: "false"
min-scale: "0"
max-scale: "0"
scale-down-delay: "0s"
"""
_OBSERVABILITY_EXAMPLE = """\
logging.enable-request-log: "true"
# Spans of requests: none, http/protobuf, grpc or stdout.
tracing-protocol: http/protobuf
tracing-endpoint: http://127.0.0.1:4318/v1/traces
tracing-sampling-rate: "1"
# The platform's figures, and those of requests: none, prometheus, http/protobuf or grpc.
metrics-protocol: http/protobuf
metrics-endpoint: http://127.0.0.1:4318/v1/metrics
metrics-export-interval: 60s
request-metrics-protocol: http/protobuf
request-metrics-endpoint: http://127.0.0.1:4318/v1/metrics
request-metrics-export-interval: 60s
"""
_CONFIG_MAPS = {
    "config-autoscaler": _AUTOSCALER_EXAMPLE,
    "config-certmanager": "# without effect: the platform signs certificates itself\n",
    "config-defaults": '# revision-timeout-seconds: "300"\n',
    "config-deployment": "# progress-deadline: 600s\n",
    "config-domain": _DOMAIN_EXAMPLE,
    "config-features": "# tag-header-based-routing: disabled\n",
    "config-gc": "# retain-since-create-time: 48h\n",
    "config-leader-election": "# without effect: one process decides\n",
    "config-logging": "# loglevel.controller: info\n",
    "config-network": '# domain-template: "{{.Name}}.{{.Namespace}}.{{.Domain}}"\n',
    "config-observability": _OBSERVABILITY_EXAMPLE,
    "config-tracing": "# deprecated: see the tracing keys of config-observability\n",
}


def namespaces() -> list[JSONObject]:
    """The namespaces every platform has."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES
    ]


def config_maps() -> list[JSONObject]:
    """The ``config-*`` maps, with every value at its default and an example of what can be set."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": "knative-serving",
                "labels": {
                    "app.kubernetes.io/name": "knative-serving",
                    "app.kubernetes.io/version": __version__,
                },
            },
            "data": {"_example": example},
        }
        for name, example in _CONFIG_MAPS.items()
    ]


def services(settings: Settings) -> list[JSONObject]:
    """The API server and the gateway under the names that clients and guides look for."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": settings.api_port}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "wakeful-gateway-internal", "namespace": "knative-serving"},
            "spec": {"clusterIP": "None", "ports": [{"name": "http2", "port": 80}]},
        },
        _gateway("wakeful-gateway", "knative-serving", {}, settings),
        _gateway("istio-ingressgateway", "istio-system", {"istio": "ingressgateway"}, settings),
    ]


def api_endpoints(inside: str, settings: Settings) -> JSONObject:
    """Where instances find the API server: what is behind the cluster IP of ``kubernetes``."""
    ports = [{"name": "https", "port": settings.api_port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": inside}], "ports": ports}],
    }


def _gateway(name: str, namespace: str, labels: JSONObject, settings: Settings) -> JSONObject:
    """Where requests from outside arrive: what the status of an Ingress names, or guides do."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": False,  # its ports are those of the gateway itself
            "ports": [
                {"name": "http2", "port": settings.http_port},
                {"name": "https", "port": settings.https_port},
            ],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": settings.bind}]}},
    }


def trust_bundle(authority_pem: str) -> JSONObject:
    """The certificate of whoever signs those of services, for programs to mount and trust.

    Knative looks for such maps by the label.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "services-ca",
            "namespace": "knative-serving",
            "labels": {"networking.knative.dev/trust-bundle": "true"},
        },
        "data": {"ca.crt": authority_pem},
    }


async def ensure_domain(transport: Transport, domain: str) -> None:
    """Put ``domain`` into ``config-domain`` while that names none; what it names is the user's."""
    if domain == FALLBACK_DOMAIN:
        return
    meta = {"name": "config-domain", "namespace": "knative-serving"}
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    found = await transport.call(_request(Verb.GET, data, {}))
    if set(found.get("data") or ()) <= {"_example"}:
        await transport.call(_request(Verb.PATCH, data, {"data": {domain: ""}}))


_OF_THIS_RUN = ("spec", "data", "subsets")


async def ensure_objects(
    transport: Transport, objects: Sequence[JSONObject], *, renew: bool = False
) -> None:
    """Create what is missing; what is there belongs to the user and is left alone.

    With ``renew`` the objects tell of this run (its ports): then their spec, data or subsets are
    written in any case, as a ``status`` always is.
    """
    for data in objects:
        status = data.get("status")
        body = {key: value for key, value in data.items() if key != "status"}
        try:
            await transport.call(_request(Verb.CREATE, data, body))
        except AlreadyExistsError:
            log.debug("object exists", kind=data["kind"], name=data["metadata"]["name"])
            if renew:
                own: JSONObject = {key: data[key] for key in _OF_THIS_RUN if key in data}
                await transport.call(_request(Verb.PATCH, data, own))
        if status is not None:
            await transport.call(_request(Verb.PATCH, data, {"status": status}, "status"))


def _request(verb: Verb, data: JSONObject, body: JSONObject, subresource: str = "") -> APIRequest:
    group, _, version = data["apiVersion"].rpartition("/")
    meta = data["metadata"]
    is_patch = verb is Verb.PATCH
    return APIRequest(
        verb,
        group,
        version,
        _PLURALS[data["kind"]],
        namespace=meta.get("namespace", ""),
        name="" if verb is Verb.CREATE else meta["name"],
        subresource=subresource,
        body=body or None,
        patch_type=PatchType.MERGE if is_patch else None,
    )
