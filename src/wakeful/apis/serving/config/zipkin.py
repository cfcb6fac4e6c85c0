"""``config-tracing``: how Knative was told of Zipkin until 2025, and in 2019 of nothing else.

Read as Knative 0.10 to 1.18 did, so that what was written for those goes on working; what
``config-observability`` says of tracing comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apimachinery.goscalars import parse_float
from wakeful.apis.serving.config.collectors import parse_collector
from wakeful.apis.serving.config.exporters import Protocol, TracingConfig
from wakeful.apis.serving.config.parse import ConfigError, as_bool, as_str, read

STACKDRIVER = "stackdriver"
_ENDPOINT = "zipkin-endpoint"
_DEFAULT_RATE = 0.1
_PATH = "/api/v2/spans"


def parse_zipkin(data: Mapping[str, str]) -> TracingConfig:
    """Read the map. ``stackdriver`` is accepted, as in 2019, and sends nothing.

    Raises:
        ConfigError: A value cannot be read or does not go with another one.
    """
    backend = _backend(data)
    endpoint = as_str(data, _ENDPOINT, "")
    debug = as_bool(data, "debug", False)
    rate = read(data, "sample-rate", parse_float, _DEFAULT_RATE)
    if backend == Protocol.ZIPKIN and not endpoint:
        raise ConfigError(
            "zipkin tracing enabled without a zipkin endpoint specified", key="backend"
        )
    if not 0 <= rate <= 1:
        raise ConfigError(f"sample-rate = {rate:g} must be in [0, 1] range", key="sample-rate")
    if backend != Protocol.ZIPKIN:
        return TracingConfig()
    collector = parse_collector(endpoint, _ENDPOINT, default_path=_PATH)
    return TracingConfig(Protocol.ZIPKIN, collector, 1.0 if debug else rate)


def _backend(data: Mapping[str, str]) -> str:
    if "backend" in data:
        backend = data["backend"]
        if backend not in (Protocol.ZIPKIN, Protocol.NONE, STACKDRIVER):
            raise ConfigError(f'unsupported tracing backend value "{backend}"', key="backend")
        return backend
    # Older still, when there was but one.
    return Protocol.ZIPKIN if as_bool(data, "enable", False) else Protocol.NONE
