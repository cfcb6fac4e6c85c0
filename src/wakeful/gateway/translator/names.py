"""Names that the translator, the gate and the load reports must agree on."""

from __future__ import annotations

from wakeful.gateway.plan import RevisionKey, ServiceKey

PUBLIC = "public"
"""Route configuration, listener and statistics prefix of hosts visible from outside."""
INTERNAL = "internal"
"""The same for cluster-local hosts."""
PUBLIC_TLS = "public-tls"
"""The HTTPS listener; it shares the public route configuration."""
INTERNAL_TLS = "internal-tls"
"""The same for cluster-local hosts."""
GATE = "gate"
"""The listener that holds requests."""

REVISION_HEADER = "Knative-Serving-Revision"
NAMESPACE_HEADER = "Knative-Serving-Namespace"
PROBE_HEADER = "K-Network-Probe"
HASH_HEADER = "K-Network-Hash"
PROBE_VALUE = "probe"
HASH_OVERRIDE = "override"
"""What a prober puts for the hash when the gateway is to fill in its own."""
UNTRACED = {"traceparent": f"00-{1:032x}-{1:016x}-00"}
"""Headers of a request of our own: no span is to be made of it."""
VERSION_HEADER = "x-wakeful-version"
"""Our own word in such an answer: the version of the table that is served."""
ACTIVATOR_VALUE = "activator"
"""What a probe of the gate itself says; also who let a held request go."""
PROXY_HEADER = "K-Proxy-Request"
"""Set by the gate on requests it lets go, as Knative's activator does. Programs see it. When such a
request is back at the gate, because nobody was reached, it also tells how often it was let go,
and as which one."""
_AGAIN, _TICKET = "again=", "ticket="
ORIGINAL_HOST_HEADER = "K-Original-Host"

MARK_NAMESPACE = "wakeful"
"""Metadata of a connection to the gate: for which revision; see :mod:`.marks`."""
MARK_NAME = "revision"
MARK_REVISION_NAMESPACE = "namespace"
MARK_SERVICE = "service"
MARK_CONFIGURATION = "configuration"
"""These two only in the metadata of clusters."""

CLUSTER_HEADER = "x-wakeful-cluster"
"""Set by the gate: where a released request goes. Envoy removes it before it sends."""
RETRY_HEADER = "x-wakeful-gate-retry"
"""Set by the gate listener on an answer that means: nobody was reached, come again."""
PICK_NAMESPACE = "wakeful.pick"
"""Dynamic metadata in which the gate names the instance for one request."""
PICK_KEY = "destination"
PICK_TRIES = 3
"""How often a request that the gate let go is tried at its instance, one after the other."""

TIMING_HEADER = "x-wakeful-timing"
"""Set by a client that wants to know what its request waited for at zero."""
TIMING_RESPONSE_HEADER = "server-timing"
TIMING_NAMESPACE = "wakeful.timing"
"""Dynamic metadata in which the gate says it."""
TIMING_KEY = "phases"

ARRIVAL_HEADER = "x-wakeful-arrival"
"""Set by the gate listener, for the gate: when the request came, in seconds since 1970."""

GATE_CLUSTER = "gatecp"
CONTROL_CLUSTER = "xds"
COLLECTOR_PREFIX = "trace-collector-"
"""Begins the name of the cluster that spans are sent to, which is there while they are."""


def cluster_name(key: RevisionKey | ServiceKey) -> str:
    """The cluster that routes, and the gate, send to."""
    return str(key)


def parse_cluster_name(name: str) -> RevisionKey | None:
    """Return the revision a cluster belongs to; None for clusters that are no revision's."""
    parts = name.split("/")
    return RevisionKey(parts[0], parts[1]) if len(parts) == 2 else None


def proxy_value(hop: int) -> str:
    """What ``PROXY_HEADER`` says on a request that was let go ``hop`` times before."""
    return f"{ACTIVATOR_VALUE};{_AGAIN}{hop}" if hop else ACTIVATOR_VALUE


def ticket_value(ticket: str) -> str:
    """What ``PROXY_HEADER`` says besides, on a request let go with a ticket to be known by."""
    return f";{_TICKET}{ticket}"


def times_let_go(value: str) -> int:
    """How often a request with this ``PROXY_HEADER`` was let go; entrances take off a client's."""
    again = _parameter(value, _AGAIN)
    return int(again or 0) + 1 if value else 0


def last_ticket(value: str) -> str:
    """The ticket that a request with this ``PROXY_HEADER`` was let go with, if any."""
    return _parameter(value, _TICKET)


def _parameter(value: str, name: str) -> str:
    found = (part.removeprefix(name) for part in value.split(";") if part.startswith(name))
    return next(found, "")
