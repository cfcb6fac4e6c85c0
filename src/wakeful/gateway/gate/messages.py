"""What Envoy says about a held request, and what it is told.

Most messages are the same as one before: those are kept, since making one takes longer than all
that is decided for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc_pb2
from envoy.type.v3 import http_status_pb2

from wakeful.gateway.gate.machine import Deny
from wakeful.gateway.plan import Endpoint, RevisionKey
from wakeful.gateway.translator.names import (
    ARRIVAL_HEADER,
    CLUSTER_HEADER,
    MARK_NAME,
    MARK_NAMESPACE,
    MARK_REVISION_NAMESPACE,
    PICK_KEY,
    PICK_NAMESPACE,
    PICK_TRIES,
    PROXY_HEADER,
    TIMING_HEADER,
    TIMING_KEY,
    TIMING_NAMESPACE,
    cluster_name,
    last_ticket,
    proxy_value,
    ticket_value,
    times_let_go,
)

_REMEMBERED = 4096
_PROXY = PROXY_HEADER.lower()
_GRPC_STATUS = {
    "queue_full": grpc.StatusCode.RESOURCE_EXHAUSTED.value[0],
    "gate_timeout": grpc.StatusCode.DEADLINE_EXCEEDED.value[0],
}
_RETRY_AFTER = frozenset({"queue_full"})

TRAILERS_SEEN = ext_proc_pb2.ProcessingResponse(response_trailers=ext_proc_pb2.TrailersResponse())
"""Go on with the trailers as they are."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is held."""

    key: RevisionKey
    hop: int
    """How often it was let go before without reaching anybody."""
    timed: bool
    """Its client wants to know what it waited for."""
    before: str = ""
    """What ``with_ticket`` called it the last time."""
    since: float | None = None
    """When it came to the gate, in seconds since 1970; None when Envoy did not say."""


def parse_question(message: ext_proc_pb2.ProcessingRequest) -> Question:
    """Read a message that opens a stream."""
    hop, timed, before, since = 0, False, "", None
    for header in message.request_headers.headers.headers:
        if header.key == _PROXY:
            value = header.raw_value.decode("latin-1") or header.value
            hop, before = times_let_go(value), last_ticket(value)
        elif header.key == TIMING_HEADER:
            timed = True
        elif header.key == ARRIVAL_HEADER:
            since = float(header.raw_value or header.value)
    key = _marked(message.metadata_context.SerializeToString())
    return Question(key, hop, timed, before, since)


@lru_cache(maxsize=_REMEMBERED)
def _marked(metadata: bytes) -> RevisionKey:
    """The revision that the connection was marked with."""
    mark = base_pb2.Metadata.FromString(metadata).filter_metadata[MARK_NAMESPACE].fields
    return RevisionKey(mark[MARK_REVISION_NAMESPACE].string_value, mark[MARK_NAME].string_value)


@lru_cache(maxsize=_REMEMBERED)
def make_release(
    key: RevisionKey, endpoint: Endpoint | None, hop: int
) -> ext_proc_pb2.ProcessingResponse:
    """Let a request go, to one instance or to whichever Envoy takes; not to be changed."""
    # Back to where it came from: should the instance be gone again, it is simply held again.
    headers = [_set(CLUSTER_HEADER, cluster_name(key)), _set(PROXY_HEADER, proxy_value(hop))]
    response = ext_proc_pb2.ProcessingResponse(
        request_headers=ext_proc_pb2.HeadersResponse(
            response=ext_proc_pb2.CommonResponse(
                header_mutation=ext_proc_pb2.HeaderMutation(set_headers=headers),
                clear_route_cache=True,
            )
        )
    )
    if endpoint is not None:
        tries = ",".join([str(endpoint)] * PICK_TRIES)
        response.dynamic_metadata.update({PICK_NAMESPACE: {PICK_KEY: tries}})
    return response


def with_ticket(
    release: ext_proc_pb2.ProcessingResponse, ticket: str
) -> ext_proc_pb2.ProcessingResponse:
    """The same, by a name that the request says should it come back."""
    response = ext_proc_pb2.ProcessingResponse()
    response.CopyFrom(release)
    for option in response.request_headers.response.header_mutation.set_headers:
        if option.header.key == PROXY_HEADER:
            option.header.raw_value += ticket_value(ticket).encode()
    return response


def with_timing(
    release: ext_proc_pb2.ProcessingResponse, phases: str
) -> ext_proc_pb2.ProcessingResponse:
    """The same, and tell the client what it waited for."""
    response = ext_proc_pb2.ProcessingResponse()
    response.CopyFrom(release)
    response.dynamic_metadata.update({TIMING_NAMESPACE: {TIMING_KEY: phases}})
    return response


def make_denial(deny: Deny) -> ext_proc_pb2.ProcessingResponse:
    """Answer a request."""
    headers = [_set("content-type", "text/plain; charset=utf-8")]
    if deny.detail in _RETRY_AFTER:
        headers.append(_set("retry-after", "1"))
    response = ext_proc_pb2.ImmediateResponse(
        status=http_status_pb2.HttpStatus(code=int(deny.status)),
        headers=ext_proc_pb2.HeaderMutation(set_headers=headers),
        body=deny.body.encode(),
        details=deny.detail,
    )
    if deny.detail in _GRPC_STATUS:
        response.grpc_status.status = _GRPC_STATUS[deny.detail]
    return ext_proc_pb2.ProcessingResponse(immediate_response=response)


def _set(name: str, value: str) -> base_pb2.HeaderValueOption:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, raw_value=value.encode()),
        append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
