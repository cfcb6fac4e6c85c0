"""``config-observability``: where logs of Revisions are, what requests leave behind and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apis.serving.config.exporters import (
    MetricsConfig,
    TracingConfig,
    check_profiling,
    parse_metrics,
    parse_tracing,
)
from wakeful.apis.serving.config.parse import ConfigError, as_bool, read
from wakeful.apis.serving.config.requestlog import (
    DEFAULT_TEMPLATE,
    LogPart,
    parse_log_template,
)

_TEMPLATE = "logging.request-log-template"


@dataclass(frozen=True, slots=True)
class ObservabilityConfig:
    """The keys that are acted upon."""

    revision_url_template: str = ""
    request_log: tuple[LogPart, ...] = ()
    """What a line for each request says; empty while none are written."""
    log_probes: bool = False
    tracing: TracingConfig = field(default_factory=TracingConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    """The platform's own figures."""
    request_metrics: MetricsConfig = field(default_factory=MetricsConfig)
    """What is counted of requests."""

    def log_url(self, revision_uid: str) -> str:
        """The address for one Revision; empty when nobody configured one."""
        return self.revision_url_template.replace("${REVISION_UID}", revision_uid)


def parse_observability(data: Mapping[str, str]) -> ObservabilityConfig:
    """Read the map.

    Raises:
        ConfigError: A value cannot be read, or requests shall be logged without a template.
    """
    tracing = parse_tracing(data)
    metrics = parse_metrics(data, "metrics-")
    check_profiling(data)
    request_metrics = parse_metrics(data, "request-metrics-")
    as_bool(data, "logging.enable-var-log-collection", False)
    enabled = as_bool(data, "logging.enable-request-log", False)
    template = read(data, _TEMPLATE, parse_log_template, parse_log_template(DEFAULT_TEMPLATE))
    if enabled and not template:
        raise ConfigError(
            f"logging.enable-request-log was set to true, but no {_TEMPLATE} was specified",
            key=_TEMPLATE,
        )
    return ObservabilityConfig(
        data.get("logging.revision-url-template", ""),
        template if enabled else (),
        as_bool(data, "logging.enable-probe-request-log", False),
        tracing,
        metrics,
        request_metrics,
    )
