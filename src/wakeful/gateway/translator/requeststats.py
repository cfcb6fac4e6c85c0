"""Figures of requests, by revision and status: measured by Envoy itself, read from it by us."""

from __future__ import annotations

from envoy.config.accesslog.v3 import accesslog_pb2
from xds.type.v3 import typed_struct_pb2

from wakeful.gateway.translator._proto import any_of
from wakeful.gateway.translator.logfilters import ENDED, all_of, at, header_is
from wakeful.gateway.translator.names import (
    MARK_CONFIGURATION,
    MARK_NAME,
    MARK_NAMESPACE,
    MARK_REVISION_NAMESPACE,
    MARK_SERVICE,
    PROBE_HEADER,
)

STATS_PREFIX = "requests"
"""Begins the statistic's name, and is known to Envoy's bootstrap, which keeps but a few."""
BOUNDS_MILLISECONDS = (5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000)
"""By which durations are counted, as by Knative's queue-proxy."""
_TYPE = "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config"
_METADATA = f"%METADATA(CLUSTER:{MARK_NAMESPACE}:{{}})%"
TAGS = {
    # Nothing that a client can make up: each value is a statistic of its own, for good.
    "namespace": _METADATA.format(MARK_REVISION_NAMESPACE),
    "revision": _METADATA.format(MARK_NAME),
    "service": _METADATA.format(MARK_SERVICE),
    "configuration": _METADATA.format(MARK_CONFIGURATION),
    "code": "%RESPONSE_CODE%",
    "protocol": "%PROTOCOL%",
}


def make_request_stats() -> accesslog_pb2.AccessLog:
    """Measure every request but probes."""
    config = typed_struct_pb2.TypedStruct(type_url=_TYPE)
    tags = [{"name": name, "value_format": value} for name, value in TAGS.items()]
    config.value.update(
        {
            "stat_prefix": STATS_PREFIX,
            "histograms": [
                {
                    "stat": {"name": "duration", "tags": tags},
                    "unit": "Milliseconds",
                    "value_format": "%DURATION%",
                }
            ],
        }
    )
    return accesslog_pb2.AccessLog(
        name="envoy.access_loggers.stats",
        typed_config=any_of(config),
        filter=all_of(header_is(PROBE_HEADER, ""), at(ENDED)),
    )
