"""How the gate knows which revision a request that falls to it is for.

Not by headers: those would be written on every warm request, and programs would see them. Instead
the gate's endpoint in a revision's cluster carries the revision's name, and Envoy hands it over
with the connection, which never leaves its own memory. No client can say it, no program sees it.
"""

from __future__ import annotations

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import address_pb2, base_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2
from envoy.extensions.transport_sockets.internal_upstream.v3 import internal_upstream_pb2
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2
from envoy.type.metadata.v3 import metadata_pb2
from google.protobuf.struct_pb2 import Struct

from wakeful.gateway.plan import RevisionKey
from wakeful.gateway.translator._proto import any_of
from wakeful.gateway.translator.names import (
    GATE,
    MARK_NAME,
    MARK_NAMESPACE,
    MARK_REVISION_NAMESPACE,
)

_SOCKET_MATCH = "envoy.transport_socket_match"


def make_gate_endpoint(key: RevisionKey) -> endpoint_components_pb2.LbEndpoint:
    """The gate listener, as seen from one revision's cluster."""
    metadata = base_pb2.Metadata()
    metadata.filter_metadata[_SOCKET_MATCH].update({GATE: True})
    metadata.filter_metadata[MARK_NAMESPACE].update(
        {MARK_NAME: key.name, MARK_REVISION_NAMESPACE: key.namespace}
    )
    address = address_pb2.Address(
        envoy_internal_address=address_pb2.EnvoyInternalAddress(
            server_listener_name=GATE, endpoint_id=str(key)
        )
    )
    return endpoint_components_pb2.LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(address=address), metadata=metadata
    )


def make_gate_socket() -> cluster_pb2.Cluster.TransportSocketMatch:
    """Used for the gate's endpoint only: takes its metadata along."""
    transport = internal_upstream_pb2.InternalUpstreamTransport(
        passthrough_metadata=[
            internal_upstream_pb2.InternalUpstreamTransport.MetadataValueSource(
                kind=metadata_pb2.MetadataKind(host=metadata_pb2.MetadataKind.Host()),
                name=MARK_NAMESPACE,
            )
        ],
        transport_socket=base_pb2.TransportSocket(
            name="envoy.transport_sockets.raw_buffer",
            typed_config=any_of(raw_buffer_pb2.RawBuffer()),
        ),
    )
    match = Struct()
    match.update({GATE: True})
    return cluster_pb2.Cluster.TransportSocketMatch(
        name=GATE,
        match=match,
        transport_socket=base_pb2.TransportSocket(
            name="envoy.transport_sockets.internal_upstream", typed_config=any_of(transport)
        ),
    )
