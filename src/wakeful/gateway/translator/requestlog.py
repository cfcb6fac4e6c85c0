"""Request logs: a template's fields as Envoy's own, written to Envoy's standard output.

A template that is a JSON object becomes one of Envoy's, so that whatever a client sends stays
inside its quotes; other templates become text. Either is stored in an object of its own, together
with whom it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.core.v3 import substitution_format_string_pb2
from envoy.extensions.access_loggers.stream.v3 import stream_pb2

from wakeful.apis.serving.config.requestlog import (
    LINE,
    NAMESPACE,
    POD,
    REVISION,
    SERVICE,
    LoggedHeader,
    LogPart,
)
from wakeful.gateway.plan import RequestLog
from wakeful.gateway.translator._proto import any_of
from wakeful.gateway.translator.logfilters import ENDED, all_of, at, header_is
from wakeful.gateway.translator.names import MARK_NAMESPACE, PROBE_HEADER
from wakeful.gateway.translator.servedby import POD_IP, POD_NAME

_NOTHING = "%REQ(X-WAKEFUL-NOTHING)%"
"""Beside a single command it keeps Envoy from writing a number, or leaving an empty text out."""
_TRACE_ID = (
    "%CEL('traceparent' in request.headers"
    r" ? re.extract(request.headers['traceparent'], '^[^-]*-([^-]*).*$', '\\1')"
    " : 'x-b3-traceid' in request.headers ? request.headers['x-b3-traceid'] : '')%"
)
"""The second part of W3C's header, or the whole of B3's."""
_COMMANDS = {
    "Request.Method": "%REQ(:METHOD)%",
    "Request.RequestURI": "%REQ(:PATH)%",
    "Request.Host": "%REQ(:AUTHORITY)%",
    "Request.ContentLength": "%BYTES_RECEIVED%",
    "Request.UserAgent": "%REQ(USER-AGENT)%",
    "Request.RemoteAddr": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "Request.Referer": "%REQ(REFERER)%",
    "Request.Proto": "%PROTOCOL%",
    "Response.Code": "%RESPONSE_CODE%",
    "Response.Size": "%BYTES_SENT%",
    "Response.Latency": "%DURATION%ms",
    "Revision.Name": f"%METADATA(CLUSTER:{MARK_NAMESPACE}:revision)%",
    "Revision.Namespace": f"%METADATA(CLUSTER:{MARK_NAMESPACE}:namespace)%",
    "Revision.Service": f"%METADATA(CLUSTER:{MARK_NAMESPACE}:service)%",
    "Revision.Configuration": f"%METADATA(CLUSTER:{MARK_NAMESPACE}:configuration)%",
    "Revision.PodName": POD_NAME,
    "Revision.PodIP": POD_IP,
    "TraceID": _TRACE_ID,
}
_ABOUT = {
    NAMESPACE: "Revision.Namespace",
    SERVICE: "Revision.Service",
    REVISION: "Revision.Name",
    POD: "Revision.PodName",
}
"""What a line is stored with, for those who look for somebody's lines."""
_STAND_IN = re.compile("\x01(\\d+)\x02")


def make_access_log(log: RequestLog) -> accesslog_pb2.AccessLog:
    """One line for each request; for probes only where that is wanted."""
    line = substitution_format_string_pb2.SubstitutionFormatString(omit_empty_values=True)
    shape: Any = _json_shape(log.template)
    if shape is None:
        shape = "".join(map(_command, log.template)).rstrip("\n") + _NOTHING
    about = {name: _COMMANDS[field] + _NOTHING for name, field in _ABOUT.items()}
    line.json_format.update({LINE: shape} | about)
    return accesslog_pb2.AccessLog(
        name="envoy.access_loggers.stdout",
        typed_config=any_of(stream_pb2.StdoutAccessLog(log_format=line)),
        filter=at(ENDED) if log.probes else all_of(at(ENDED), header_is(PROBE_HEADER, "")),
    )


def _command(part: LogPart) -> str:
    if isinstance(part, str):
        return part.replace("%", "%%")
    if isinstance(part, LoggedHeader):
        return f"%REQ({part.name.upper()})%"
    return _COMMANDS[part.name]


def _json_shape(template: Sequence[LogPart]) -> dict[str, Any] | None:
    """The template as an object of format strings, or None when it is no JSON object."""
    text, quoted = "", False
    for number, part in enumerate(template):
        if isinstance(part, str):
            text += part
            quoted ^= len(re.findall(r'(?<!\\)"', part)) % 2 == 1
        else:
            stand_in = f"\x01{number}\x02"
            text += stand_in if quoted else f'"\x03{stand_in}"'
    try:
        shape = json.loads(text, strict=False)
    except ValueError:
        return None
    return _fill(shape, template) if isinstance(shape, dict) else None


def _fill(value: Any, template: Sequence[LogPart]) -> Any:
    if isinstance(value, dict):
        return {name: _fill(inner, template) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, template) for inner in value]
    if not isinstance(value, str):
        return value
    bare = value.startswith("\x03")
    pieces = _STAND_IN.split(value.removeprefix("\x03"))
    filled = "".join(
        _command(template[int(piece)]) if i % 2 else piece.replace("%", "%%")
        for i, piece in enumerate(pieces)
    )
    return filled if bare or len(pieces) == 1 else filled + _NOTHING
