"""A revision's endpoints as Envoy sees them: the one message that opens and closes the gate."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3 import health_check_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2

from wakeful.gateway.plan import Endpoint, RevisionBackend, ServiceBackend
from wakeful.gateway.translator._proto import tcp_address, u32
from wakeful.gateway.translator.marks import make_gate_endpoint
from wakeful.gateway.translator.names import cluster_name
from wakeful.gateway.translator.servedby import mark_endpoint

_FULL_PRIORITY = 100_000
"""Over-provisioning in percent: one healthy instance keeps all traffic of its priority."""


def _instances(
    endpoints: Iterable[Endpoint], *, hidden: bool = False
) -> endpoint_components_pb2.LocalityLbEndpoints:
    hosts = []
    for endpoint in sorted(endpoints):
        host = endpoint_components_pb2.LbEndpoint(
            endpoint=endpoint_components_pb2.Endpoint(
                address=tcp_address(endpoint.address, endpoint.port)
            )
        )
        mark_endpoint(host.metadata, endpoint)
        if hidden or endpoint.draining:
            host.health_status = health_check_pb2.HealthStatus.DRAINING
        hosts.append(host)
    return endpoint_components_pb2.LocalityLbEndpoints(priority=0, lb_endpoints=hosts)


def _assignment(
    name: str, groups: list[endpoint_components_pb2.LocalityLbEndpoints]
) -> endpoint_pb2.ClusterLoadAssignment:
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=groups,
        policy=endpoint_pb2.ClusterLoadAssignment.Policy(
            overprovisioning_factor=u32(_FULL_PRIORITY)
        ),
    )


def make_revision_endpoints(
    backend: RevisionBackend, endpoints: Iterable[Endpoint]
) -> endpoint_pb2.ClusterLoadAssignment:
    """Instances first, the gate behind them: with nobody ready, Envoy itself falls to the gate.

    While the gate is in the path, none of them is for Envoy to choose: each is called draining, so
    that all requests fall to the gate, which names the instance for each. They stay listed, with
    their connections and the counts of what is in flight, so that requests notice nothing.
    """
    gate = endpoint_components_pb2.LocalityLbEndpoints(
        priority=1,
        lb_endpoints=[make_gate_endpoint(backend.key)],
    )
    return _assignment(
        cluster_name(backend.key), [_instances(endpoints, hidden=backend.gated), gate]
    )


def make_service_endpoints(
    backend: ServiceBackend, endpoints: Iterable[Endpoint]
) -> endpoint_pb2.ClusterLoadAssignment:
    """The endpoints of a plain Service."""
    return _assignment(cluster_name(backend.key), [_instances(endpoints)])
