"""``config-observability``: where figures and traces are sent to. Checked as upstream does.

Knative keeps what it cannot use until its processes start, and those end then; here an endpoint
that nobody could be reached at is refused when it is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from wakeful.apimachinery.goscalars import parse_float
from wakeful.apis.serving.config.collectors import (
    CollectorAddress,
    ListenAddress,
    parse_collector,
    parse_listen_address,
)
from wakeful.apis.serving.config.parse import ConfigError, as_duration, as_str, read

DEFAULT_EXPORT_INTERVAL = timedelta(seconds=60)
"""OpenTelemetry's own, for 0."""
_TRACES_PATH, _METRICS_PATH = "/v1/traces", "/v1/metrics"


class Protocol(StrEnum):
    """How spans or figures travel; the values are the keys' own."""

    NONE = "none"
    GRPC = "grpc"
    HTTP = "http/protobuf"
    PROMETHEUS = "prometheus"
    """Figures only: they are fetched."""
    STDOUT = "stdout"
    """Spans only: they are written down."""
    ZIPKIN = "zipkin"
    """Spans only, and only of the map that is named ``config-tracing``."""


_PUSHED = (Protocol.GRPC, Protocol.HTTP)


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """What becomes of the spans of requests."""

    protocol: Protocol = Protocol.NONE
    collector: CollectorAddress | None = None
    sampling_rate: float = 0.0
    """The share, 0 to 1, of those that come without a decision of their own."""

    @property
    def enabled(self) -> bool:
        """Whether any span can come of it."""
        return self.protocol is not Protocol.NONE and self.sampling_rate > 0


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """What becomes of figures."""

    protocol: Protocol = Protocol.NONE
    collector: CollectorAddress | None = None
    listen: ListenAddress | None = None
    """With ``prometheus``: where they can be fetched besides; None is nowhere."""
    export_interval: timedelta = DEFAULT_EXPORT_INTERVAL

    @property
    def pushed(self) -> bool:
        """Whether they are sent."""
        return self.protocol in _PUSHED


def check_profiling(data: Mapping[str, str]) -> None:
    """Find faults in the keys for profiling, which have no effect.

    Raises:
        ConfigError: A value cannot be read.
    """
    key = "runtime-profiling"
    profiling = as_str(data, key, "disabled")
    if profiling not in ("enabled", "disabled"):
        raise ConfigError(f'unsupported profile setting "{profiling}"', key=key)
    _interval(data, "runtime-export-interval")


def parse_metrics(data: Mapping[str, str], prefix: str) -> MetricsConfig:
    """Read the keys that begin with ``prefix``.

    Raises:
        ConfigError: A value cannot be read or does not go with another one.
    """
    key, endpoint_key = f"{prefix}protocol", f"{prefix}endpoint"
    text, endpoint = as_str(data, key, Protocol.NONE), as_str(data, endpoint_key, "")
    protocol = _protocol(text, key, (*_PUSHED, Protocol.NONE, Protocol.PROMETHEUS))
    if protocol in _PUSHED and not endpoint:
        raise ConfigError(f'endpoint should be set when protocol is "{text}"', key=key)
    if protocol is Protocol.NONE and endpoint:
        raise ConfigError(f'endpoint should not be set when protocol is "{text}"', key=key)
    interval = _interval(data, f"{prefix}export-interval") or DEFAULT_EXPORT_INTERVAL
    if protocol in _PUSHED:
        collector = parse_collector(endpoint, endpoint_key, default_path=_METRICS_PATH)
        return MetricsConfig(protocol, collector, export_interval=interval)
    listen = parse_listen_address(endpoint, endpoint_key) if endpoint else None
    return MetricsConfig(protocol, listen=listen, export_interval=interval)


def parse_tracing(data: Mapping[str, str]) -> TracingConfig:
    """Read the keys that begin with ``tracing-``.

    Raises:
        ConfigError: A value cannot be read or does not go with another one.
    """
    key, endpoint_key = "tracing-protocol", "tracing-endpoint"
    text, endpoint = as_str(data, key, Protocol.NONE), as_str(data, endpoint_key, "")
    protocol = _protocol(text, key, (*_PUSHED, Protocol.NONE, Protocol.STDOUT))
    if protocol in _PUSHED and not endpoint:
        raise ConfigError(f'endpoint should be set for protocol "{text}"', key=key)
    if protocol not in _PUSHED and endpoint:
        raise ConfigError("endpoint should not be set when protocol is 'none'", key=key)
    rate = read(data, "tracing-sampling-rate", parse_float, 0.0)
    if not 0 <= rate <= 1:
        bound = "greater or equal to zero" if rate < 0 else "less than or equal to one"
        raise ConfigError(f"sampling rate {rate:f} should be {bound}", key="tracing-sampling-rate")
    if protocol is Protocol.STDOUT:
        return TracingConfig(protocol, sampling_rate=1.0)  # upstream's, whatever the rate says
    if protocol is Protocol.NONE:
        return TracingConfig(sampling_rate=rate)
    collector = parse_collector(endpoint, endpoint_key, default_path=_TRACES_PATH)
    return TracingConfig(protocol, collector, rate)


def _protocol(text: str, key: str, known: tuple[Protocol, ...]) -> Protocol:
    found = next((protocol for protocol in known if protocol == text), None)
    if found is None:
        raise ConfigError(f'unsupported protocol "{text}"', key=key)
    return found


def _interval(data: Mapping[str, str], key: str) -> timedelta:
    interval = as_duration(data, key, timedelta())
    if interval < timedelta():
        raise ConfigError(f'export interval "{data[key]}" should be greater than zero', key=key)
    return interval
