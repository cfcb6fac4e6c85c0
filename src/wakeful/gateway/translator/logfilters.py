"""Which streams an access log, or a reply of Envoy's own, is for."""

from __future__ import annotations

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.data.accesslog.v3 import accesslog_pb2 as entries_pb2
from envoy.type.matcher.v3 import string_pb2

BEGAN = entries_pb2.AccessLogType.DownstreamTunnelSuccessfullyEstablished
"""An upgrade was answered. Every log of a listener is asked then, as one of them wants to know."""
ENDED = entries_pb2.AccessLogType.DownstreamEnd


def response_flags(*flags: str) -> accesslog_pb2.AccessLogFilter:
    """Answers that Envoy gave for one of these reasons."""
    return accesslog_pb2.AccessLogFilter(
        response_flag_filter=accesslog_pb2.ResponseFlagFilter(flags=flags)
    )


def header_is(name: str, value: str, *, invert: bool = False) -> accesslog_pb2.AccessLogFilter:
    """Requests with a header of exactly this value; one that is missing counts as empty."""
    return accesslog_pb2.AccessLogFilter(
        header_filter=accesslog_pb2.HeaderFilter(
            header=route_components_pb2.HeaderMatcher(
                name=name.lower(),
                string_match=string_pb2.StringMatcher(exact=value),
                treat_missing_header_as_empty=True,
                invert_match=invert,
            )
        )
    )


def all_of(*filters: accesslog_pb2.AccessLogFilter) -> accesslog_pb2.AccessLogFilter:
    """Every one of two or more."""
    return accesslog_pb2.AccessLogFilter(and_filter=accesslog_pb2.AndFilter(filters=filters))


def at(*moments: entries_pb2.AccessLogType.ValueType) -> accesslog_pb2.AccessLogFilter:
    """Entries that are written at one of these moments in the life of a stream."""
    return accesslog_pb2.AccessLogFilter(log_type_filter=accesslog_pb2.LogTypeFilter(types=moments))
