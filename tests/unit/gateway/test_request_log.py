"""Templates of request logs to Envoy's formats."""

from __future__ import annotations

import pytest
from envoy.extensions.access_loggers.stream.v3 import stream_pb2
from google.protobuf.json_format import MessageToDict

from wakeful.apis.serving.config import ConfigError, ObservabilityConfig, parse_observability
from wakeful.apis.serving.config.requestlog import RequestLine, parse_request_line
from wakeful.gateway import RequestLog
from wakeful.gateway.translator.logfilters import ENDED, at, header_is
from wakeful.gateway.translator.names import PROBE_HEADER
from wakeful.gateway.translator.requestlog import make_access_log

ENABLED = {"logging.enable-request-log": "true"}


def parse(template: str) -> ObservabilityConfig:
    return parse_observability({**ENABLED, "logging.request-log-template": template})


def line_of(template: str) -> stream_pb2.StdoutAccessLog:
    made = make_access_log(RequestLog(parse(template).request_log))
    return stream_pb2.StdoutAccessLog.FromString(made.typed_config.value)


def test_nothing_is_logged_unless_asked_for() -> None:
    assert parse_observability({}).request_log == ()
    assert parse_observability(ENABLED).request_log != ()


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("", "no logging.request-log-template was specified"),
        ("{{", "unclosed action"),
        ("{{.Request.Nothing}}", "can't evaluate field Request.Nothing"),
        ("{{if .Request}}x{{end}}", "only single fields"),
        ("{{.Response.Latency}} seconds", "must be followed by its unit, s"),
    ],
)
def test_templates_that_cannot_be_written_are_refused(template: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parse(template)


def test_json_keeps_its_shape_and_its_numbers() -> None:
    template = (
        '{"code": {{.Response.Code}}, "size": "{{ .Response.Size }}", "at": ["50%", "{{.Request.'
        'Referer}}"], "trace": "x{{index .Request.Header "X-B3-Traceid"}}", "n": 1}'
    )

    shape = MessageToDict(line_of(template).log_format.json_format)["line"]

    nothing = "%REQ(X-WAKEFUL-NOTHING)%"
    assert shape == {
        "code": "%RESPONSE_CODE%",
        "size": f"%BYTES_SENT%{nothing}",
        "at": ["50%%", f"%REQ(REFERER)%{nothing}"],
        "trace": f"x%REQ(X-B3-TRACEID)%{nothing}",
        "n": 1,
    }


def test_text_is_one_line() -> None:
    template = '{{.Request.Method}} {{.Response.Latency}}s {{.Request.Header.Get "Via"}} 1%'

    text = MessageToDict(line_of(template).log_format.json_format)["line"]

    assert text == "%REQ(:METHOD)% %DURATION%ms %REQ(VIA)% 1%%%REQ(X-WAKEFUL-NOTHING)%"


def test_probes_are_left_out_unless_wanted() -> None:
    template = parse("{{.Request.Method}}").request_log

    left_out = header_is(PROBE_HEADER, "")
    assert left_out in make_access_log(RequestLog(template)).filter.and_filter.filters
    assert make_access_log(RequestLog(template, probes=True)).filter == at(ENDED)


def test_stored_lines_are_read_as_their_template_has_them() -> None:
    """Anything else in that file is Envoy's own."""
    stored = b'{"line":{"n":1,"t":"\\u00e9"},"namespace":"a","pod":"p","revision":"r","service":""}'

    assert parse_request_line(stored) == RequestLine('{"n":1,"t":"\u00e9"}', "a", "", "r", "p")
    assert parse_request_line(b'{"line":"x y"}') == RequestLine("x y")
    for other in (b"[warning] x", b"{}", b"{", b"[]", b'{"lines": 1}'):
        assert parse_request_line(other) is None
