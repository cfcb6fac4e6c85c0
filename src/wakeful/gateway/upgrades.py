"""Which streams in flight are upgraded connections: WebSockets, told apart from requests.

Envoy's load reports count both alike. Its access log does not: an entry when an upgrade is answered
and another when the connection ends come here over gRPC, and nothing for any other request. What is
not known to be an upgrade counts as a request: one that began before this control plane did, or
whose entry was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
from envoy.config.core.v3 import address_pb2
from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2

from wakeful.gateway.plan import Endpoint, RevisionKey
from wakeful.gateway.translator.logfilters import BEGAN
from wakeful.gateway.translator.names import GATE, parse_cluster_name

_SERVICE = "envoy.service.accesslog.v3.AccessLogService"
_METHOD = "StreamAccessLogs"

_Where = tuple[RevisionKey, Endpoint]
_Identity = tuple[int, bytes, bytes]


def _identity(entry: accesslog_pb2.AccessLogCommon) -> _Identity:
    """What the first and the last entry of one stream have in common, and no other stream has.

    Several streams may share a connection; they do not begin in the same nanosecond.
    """
    return (
        entry.start_time.ToNanoseconds(),
        entry.downstream_direct_remote_address.SerializeToString(deterministic=True),
        entry.upstream_local_address.SerializeToString(deterministic=True),
    )


def _where(entry: accesslog_pb2.AccessLogCommon) -> _Where | None:
    """The instance that answered; None for the gate, which has an entry of its own for it."""
    key = parse_cluster_name(entry.upstream_cluster)
    address: address_pb2.Address = entry.upstream_remote_address
    if key is None or not address.HasField("socket_address"):
        return None
    return key, Endpoint(address.socket_address.address, address.socket_address.port_value)


class _Stream:
    """One worker's entries about one of its listeners: a begin and its end come here both."""

    def __init__(self) -> None:
        self.at_gate = False
        self.open: dict[_Identity, _Where] = {}


class Upgrades:
    """Counts the upgraded connections at each instance."""

    def __init__(self) -> None:
        self._all: Counter[_Where] = Counter()
        self._at_gate: Counter[_Where] = Counter()

    def handler(self) -> Any:
        """The gRPC service, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                _METHOD: grpc.stream_unary_rpc_method_handler(
                    self._serve,
                    request_deserializer=als_pb2.StreamAccessLogsMessage.FromString,
                    response_serializer=als_pb2.StreamAccessLogsResponse.SerializeToString,
                )
            },
        )

    def at(self, key: RevisionKey, endpoint: Endpoint) -> int:
        """Upgraded connections to one instance."""
        return self._all[key, endpoint]

    def through_gate(self, key: RevisionKey, endpoint: Endpoint) -> int:
        """Those of them that the gate let go, and counts itself."""
        return self._at_gate[key, endpoint]

    async def _serve(
        self,
        messages: AsyncIterator[als_pb2.StreamAccessLogsMessage],
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> als_pb2.StreamAccessLogsResponse:
        stream = _Stream()
        try:
            async for message in messages:
                self._take(stream, message)
        finally:
            # Their ends will not be heard of.
            for identity in list(stream.open):
                self._close(stream, identity)
        return als_pb2.StreamAccessLogsResponse()

    def _take(self, stream: _Stream, message: als_pb2.StreamAccessLogsMessage) -> None:
        if message.HasField("identifier"):
            stream.at_gate = message.identifier.log_name == GATE
        for entry in message.http_logs.log_entry:
            identity = _identity(entry.common_properties)
            if entry.common_properties.access_log_type != BEGAN:
                self._close(stream, identity)
            elif (where := _where(entry.common_properties)) is not None:
                stream.open[identity] = where
                self._count(stream, where, 1)

    def _close(self, stream: _Stream, identity: _Identity) -> None:
        where = stream.open.pop(identity, None)
        if where is not None:
            self._count(stream, where, -1)

    def _count(self, stream: _Stream, where: _Where, change: int) -> None:
        for counter in (self._all, self._at_gate) if stream.at_gate else (self._all,):
            counter[where] += change
            if not counter[where]:
                del counter[where]
