"""What Envoy says where no program answers: in Knative's words, with its status codes.

Other answers of Envoy keep its own words.
"""

from __future__ import annotations

from http import HTTPStatus

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.core.v3 import base_pb2, substitution_format_string_pb2
from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)

from wakeful.gateway.translator._proto import any_of, u32
from wakeful.gateway.translator.logfilters import all_of, header_is, response_flags
from wakeful.gateway.translator.names import (
    ACTIVATOR_VALUE,
    HASH_HEADER,
    PROBE_HEADER,
    PROBE_VALUE,
)


def _lasted_too_long() -> accesslog_pb2.AccessLogFilter:
    """Answers to requests that reached ``max_stream_duration``, for which there is no flag."""
    expression = "response.code_details == 'max_duration_timeout'"
    return accesslog_pb2.AccessLogFilter(
        extension_filter=accesslog_pb2.ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=any_of(cel_pb2.ExpressionFilter(expression=expression)),
        )
    )


def make_entrance_replies() -> hcm_pb2.LocalReplyConfig:
    """Timeouts, and probes that no route answers, whatever their host."""
    no_route = response_flags("NR")
    return hcm_pb2.LocalReplyConfig(
        mappers=[
            _reply("request timeout", response_flags("UT", "SI")),
            _reply("request timeout", _lasted_too_long(), HTTPStatus.GATEWAY_TIMEOUT),
            _reply(
                ACTIVATOR_VALUE,
                all_of(no_route, header_is(PROBE_HEADER, ACTIVATOR_VALUE)),
                HTTPStatus.OK,
            ),
            _reply(
                f'a probe request must contain a non-empty "{HASH_HEADER}" header',
                all_of(no_route, header_is(PROBE_HEADER, PROBE_VALUE), header_is(HASH_HEADER, "")),
                HTTPStatus.BAD_REQUEST,
            ),
            _reply(
                f'unexpected probe header value: "%REQ({PROBE_HEADER})%"',
                all_of(
                    no_route,
                    header_is(PROBE_HEADER, "", invert=True),
                    header_is(PROBE_HEADER, PROBE_VALUE, invert=True),
                ),
                HTTPStatus.BAD_REQUEST,
            ),
        ]
    )


def _reply(
    body: str, condition: accesslog_pb2.AccessLogFilter, status: HTTPStatus | None = None
) -> hcm_pb2.ResponseMapper:
    """``body`` may hold Envoy's format commands."""
    return hcm_pb2.ResponseMapper(
        filter=condition,
        status_code=u32(status) if status is not None else None,
        body_format_override=substitution_format_string_pb2.SubstitutionFormatString(
            text_format_source=base_pb2.DataSource(inline_string=body)
        ),
    )
