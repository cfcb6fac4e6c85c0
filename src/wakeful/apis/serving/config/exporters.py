"""``config-observability``: where figures and traces are sent to. Checked as upstream does.

Nothing is sent from here (yet): the autoscaler's figures are there to be scraped, whatever the
protocol. What is checked today will not be refused on the day when it is acted upon.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from wakeful.apimachinery.goscalars import parse_float
from wakeful.apis.serving.config.parse import ConfigError, as_duration, as_str, read

_NONE = "none"
_PUSHED = ("grpc", "http/protobuf")


def check_exporters(data: Mapping[str, str]) -> None:
    """Find faults in the keys for metrics, traces and profiling.

    Raises:
        ConfigError: A value cannot be read or does not go with another one.
    """
    _check_tracing(data)
    _check_metrics(data, "metrics-")
    _check_profiling(data)
    _check_metrics(data, "request-metrics-")


def _check_metrics(data: Mapping[str, str], prefix: str) -> None:
    key = f"{prefix}protocol"
    protocol, endpoint = as_str(data, key, _NONE), as_str(data, f"{prefix}endpoint", "")
    if protocol not in (*_PUSHED, _NONE, "prometheus"):
        raise ConfigError(f'unsupported protocol "{protocol}"', key=key)
    if protocol in _PUSHED and not endpoint:
        raise ConfigError(f'endpoint should be set when protocol is "{protocol}"', key=key)
    if protocol == _NONE and endpoint:
        raise ConfigError(f'endpoint should not be set when protocol is "{protocol}"', key=key)
    _check_interval(data, f"{prefix}export-interval")


def _check_tracing(data: Mapping[str, str]) -> None:
    key = "tracing-protocol"
    protocol, endpoint = as_str(data, key, _NONE), as_str(data, "tracing-endpoint", "")
    if protocol not in (*_PUSHED, _NONE, "stdout"):
        raise ConfigError(f'unsupported protocol "{protocol}"', key=key)
    if protocol in _PUSHED and not endpoint:
        raise ConfigError(f'endpoint should be set for protocol "{protocol}"', key=key)
    if protocol not in _PUSHED and endpoint:
        raise ConfigError("endpoint should not be set when protocol is 'none'", key=key)
    rate = read(data, "tracing-sampling-rate", parse_float, 0.0)
    if not 0 <= rate <= 1:
        bound = "greater or equal to zero" if rate < 0 else "less than or equal to one"
        raise ConfigError(f"sampling rate {rate:f} should be {bound}", key="tracing-sampling-rate")


def _check_profiling(data: Mapping[str, str]) -> None:
    key = "runtime-profiling"
    profiling = as_str(data, key, "disabled")
    if profiling not in ("enabled", "disabled"):
        raise ConfigError(f'unsupported profile setting "{profiling}"', key=key)
    _check_interval(data, "runtime-export-interval")


def _check_interval(data: Mapping[str, str], key: str) -> None:
    if as_duration(data, key, timedelta()) < timedelta():
        raise ConfigError(f'export interval "{data[key]}" should be greater than zero', key=key)
