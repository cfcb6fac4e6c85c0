"""Takes the spans that Envoy sends nowhere else, and writes each down as a line of JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from wakeful.telemetry.spans import parse_spans

log = structlog.get_logger("wakeful.gateway.spans")

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_METHOD = "Export"
_NOTHING = b""
"""An answer that says nothing says that all was taken."""


def write_line(text: str) -> None:
    """Write to this process's standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class SpanWriter:
    """Serves OpenTelemetry's trace service; ``write`` gets the lines, in some thread."""

    def __init__(self, write: Callable[[str], None] = write_line) -> None:
        self._write = write

    def handler(self) -> Any:
        """The gRPC service, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE, {_METHOD: grpc.unary_unary_rpc_method_handler(self._export)}
        )

    async def _export(self, body: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        del context
        # Not here, where requests wait to be let go.
        await asyncio.to_thread(self._take, body)
        return _NOTHING

    def _take(self, body: bytes) -> None:
        try:
            for span in parse_spans(body):
                self._write(span.to_json())
        except DecodeError as error:
            log.warning("spans not understood", error=str(error))
