"""The template of request logs: the part of Go's templates that names single fields.

Fields are those of Knative's ``RequestLogTemplateInput``. Conditions and loops are refused when the
map is written: Envoy writes the lines, and it only fills in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

DEFAULT_TEMPLATE = (
    '{"httpRequest": {"requestMethod": "{{.Request.Method}}", '
    '"requestUrl": "{{js .Request.RequestURI}}", "requestSize": "{{.Request.ContentLength}}", '
    '"status": {{.Response.Code}}, "responseSize": "{{.Response.Size}}", '
    '"userAgent": "{{js .Request.UserAgent}}", "remoteIp": "{{js .Request.RemoteAddr}}", '
    '"serverIp": "{{.Revision.PodIP}}", "referer": "{{js .Request.Referer}}", '
    '"latency": "{{.Response.Latency}}s", "protocol": "{{.Request.Proto}}"}, '
    '"traceId": "{{.TraceID}}"}'
)
FIELDS = frozenset(
    {
        "Request.Method",
        "Request.RequestURI",
        "Request.Host",
        "Request.ContentLength",
        "Request.UserAgent",
        "Request.RemoteAddr",
        "Request.Referer",
        "Request.Proto",
        "Response.Code",
        "Response.Size",
        "Response.Latency",
        "Revision.Name",
        "Revision.Namespace",
        "Revision.Service",
        "Revision.Configuration",
        "Revision.PodName",
        "Revision.PodIP",
        "TraceID",
    }
)
LATENCY = "Response.Latency"
_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_HEADER = re.compile(
    r'(?:js\s+)?\(?\s*(?:index\s+\.Request\.Header|\.Request\.Header\.Get)\s+"([\w-]+)"\s*\)?'
)
_FIELD = re.compile(r"(?:js\s+)?\.(\w+(?:\.\w+)?)")


@dataclass(frozen=True, slots=True)
class LoggedField:
    """One of ``FIELDS``. A latency comes with its unit: its template says ``s`` after it."""

    name: str


@dataclass(frozen=True, slots=True)
class LoggedHeader:
    """A header of the request; empty where there is none."""

    name: str


LogPart = str | LoggedField | LoggedHeader


def parse_log_template(text: str) -> tuple[LogPart, ...]:
    """Read a template.

    Raises:
        ValueError: It is no template, or asks for something that is not there.
    """
    parts: list[LogPart] = []
    position = 0
    for found in _ACTION.finditer(text):
        literal = text[position : found.start()]
        position = found.end()
        part = _parse_action(found.group(1).strip())
        if part == LoggedField(LATENCY):
            # Envoy counts milliseconds and cannot divide, so the unit has to be ours to write.
            if not text.startswith("s", position):
                raise ValueError(f"template: .{LATENCY} must be followed by its unit, s")
            position += 1
        parts += [literal, part] if literal else [part]
    tail = text[position:]
    if "{{" in tail:
        raise ValueError("template: unclosed action")
    return (*parts, tail) if tail else tuple(parts)


def _parse_action(action: str) -> LogPart:
    if found := _HEADER.fullmatch(action):
        return LoggedHeader(found.group(1))
    found = _FIELD.fullmatch(action)
    if found is None:
        raise ValueError(
            f"template: cannot read action {{{{{action}}}}}: "
            "only single fields and headers of the request can be logged"
        )
    if found.group(1) not in FIELDS:
        raise ValueError(f"template: can't evaluate field {found.group(1)}")
    return LoggedField(found.group(1))


# --- lines on disk --------------------------------------------------------------------------------

QUEUE_PROXY = "queue-proxy"
"""Whose log has these lines upstream; asked for by this name, a Pod's lines are shown."""
LOG_NAME = "envoy.log"
"""The file below ``logs`` that has them, among what Envoy itself says."""
LINE, POD, NAMESPACE = "line", "pod", "namespace"
REVISION, SERVICE = "revision", "service"
"""Fields that a line is stored with: a template need not say whom it is about."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A line, and whom it is about; empty where nobody was."""

    line: str
    namespace: str = ""
    service: str = ""
    revision: str = ""
    pod: str = ""


def parse_request_line(text: bytes) -> RequestLine | None:
    """Read a line as it is stored; None for anything else in that file."""
    if not text.startswith(b"{"):
        return None
    try:
        stored = json.loads(text)
    except ValueError:
        return None
    if not isinstance(stored, dict) or LINE not in stored:
        return None
    line = stored[LINE]
    if not isinstance(line, str):
        line = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
    about = {name: str(stored.get(name) or "") for name in (NAMESPACE, SERVICE, REVISION, POD)}
    return RequestLine(line, **about)
