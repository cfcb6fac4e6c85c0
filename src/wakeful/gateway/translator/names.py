"""Names that the translator, the gate and the load reports must agree on."""

from __future__ import annotations

from wakeful.gateway.plan import RevisionKey, ServiceKey

PUBLIC = "public"
"""Route configuration, listener and statistics prefix of hosts visible from outside."""
INTERNAL = "internal"
"""The same for cluster-local hosts."""
PUBLIC_TLS = "public-tls"
"""The HTTPS listener; it shares the public route configuration."""
GATE = "gate"
"""The listener that holds requests."""

REVISION_HEADER = "Knative-Serving-Revision"
NAMESPACE_HEADER = "Knative-Serving-Namespace"
PROBE_HEADER = "K-Network-Probe"
HASH_HEADER = "K-Network-Hash"
PROBE_VALUE = "probe"
ACTIVATOR_VALUE = "activator"
"""What a probe of the gate itself says; also who let a held request go."""
PROXY_HEADER = "K-Proxy-Request"
ORIGINAL_HOST_HEADER = "K-Original-Host"

MARK_NAMESPACE = "wakeful"
"""Metadata of a connection to the gate: for which revision; see :mod:`.marks`."""
MARK_NAME = "revision"
MARK_REVISION_NAMESPACE = "namespace"

CLUSTER_HEADER = "x-wakeful-cluster"
"""Set by the gate: where a released request goes. Envoy removes it before it sends."""
HOP_HEADER = "x-wakeful-gate-hop"
"""Set by the gate: how often this request was released; bounds loops."""
RETRY_HEADER = "x-wakeful-gate-retry"
"""Set by the gate listener on an answer that means: nobody was reached, come again."""
PICK_NAMESPACE = "wakeful.pick"
"""Dynamic metadata in which the gate names the instance for one request."""
PICK_KEY = "destination"

GATE_CLUSTER = "gatecp"
CONTROL_CLUSTER = "xds"

_PODS_SUFFIX = "/pods"


def cluster_name(key: RevisionKey | ServiceKey) -> str:
    """The cluster that routes point to."""
    return str(key)


def pods_cluster_name(key: RevisionKey) -> str:
    """The cluster that the gate sends to when it picks instances itself."""
    return f"{key}{_PODS_SUFFIX}"


def parse_cluster_name(name: str) -> tuple[RevisionKey, bool] | None:
    """Return the revision a cluster belongs to and whether it is its pods cluster.

    None for clusters that are no revision's.
    """
    pods = name.endswith(_PODS_SUFFIX) and name.count("/") == 2
    parts = name.removesuffix(_PODS_SUFFIX).split("/") if pods else name.split("/")
    if len(parts) != 2:
        return None
    return RevisionKey(parts[0], parts[1]), pods
