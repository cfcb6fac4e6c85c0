"""What requests leave behind, as the maps of configuration want it: log lines, spans, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from wakeful.apis.core import ConfigMap
from wakeful.apis.serving.config import (
    CONFIG_OBSERVABILITY,
    CONFIG_TRACING,
    ObservabilityConfig,
    Protocol,
    TracingConfig,
    parse_observability,
    parse_zipkin,
)
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore
from wakeful.gateway.plan import RequestLog, ServiceKey, SpanFormat, Tracing
from wakeful.gateway.planner.draft import Watching
from wakeful.gateway.translator.names import COLLECTOR_PREFIX
from wakeful.gateway.xds import NackError
from wakeful.telemetry.push import trusted_authorities

log = structlog.get_logger("wakeful.gateway.planner")

_FORMATS = {
    Protocol.GRPC: SpanFormat.OTLP_GRPC,
    Protocol.HTTP: SpanFormat.OTLP_HTTP,
    Protocol.STDOUT: SpanFormat.OTLP_GRPC,
    Protocol.ZIPKIN: SpanFormat.ZIPKIN,
}
_SERVICE_PARTS = 2


class Footprints:
    """Follows both maps."""

    def __init__(self, manager: Manager) -> None:
        maps = manager.informer(ConfigMap)
        self._observability = ConfigStore(maps, CONFIG_OBSERVABILITY, parse_observability)
        self._zipkin = ConfigStore(maps, CONFIG_TRACING, parse_zipkin)
        self._last: Tracing | None = None
        self._refused: Tracing | None = None

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever one of them changed."""
        self._observability.on_change(lambda _config: listener())
        self._zipkin.on_change(lambda _config: listener())

    def watching(self, addresses: Mapping[ServiceKey, str]) -> Watching:
        """What is wanted now; ``addresses`` are those of plain Services."""
        config = self._observability.current()
        wanted = effective_tracing(config, self._zipkin.current())
        self._last = plan_tracing(wanted, addresses)
        return Watching(
            _request_log(config),
            self._last if self._last != self._refused else None,
            config.request_metrics.protocol is not Protocol.NONE,
        )

    def blame(self, error: NackError) -> None:
        """Do without tracing if Envoy refuses its collector, until it is to be another."""
        if COLLECTOR_PREFIX in str(error):  # the cluster's own name, or a listener's complaint
            log.warning("no spans are sent", why=error.message)
            self._refused = self._last


def effective_tracing(config: ObservabilityConfig, zipkin: TracingConfig) -> TracingConfig:
    """Which of both maps counts: the younger one, unless it says nothing of tracing."""
    return zipkin if config.tracing.protocol is Protocol.NONE else config.tracing


def plan_tracing(config: TracingConfig, addresses: Mapping[ServiceKey, str]) -> Tracing | None:
    """What Envoy is to do; None where no span can come of it."""
    if not config.enabled:
        return None
    collector = config.collector
    if collector is not None and collector.tls and not trusted_authorities().is_file():
        # Envoy would refuse it, and everything that comes with it.
        log.warning("no spans are sent", why="this machine has no list of trusted authorities")
        return None
    address = service_address(collector.host, collector.port, addresses) if collector else ""
    return Tracing(_FORMATS[config.protocol], config.sampling_rate, collector, address)


def service_address(host: str, port: int, addresses: Mapping[ServiceKey, str]) -> str:
    """The address of a port of a plain Service, by its name in the cluster; empty for others.

    Envoy asks this machine's DNS, which knows nothing of them.
    """
    name = host.lower().rstrip(".")
    for ending in (".svc.cluster.local", ".svc"):
        name = name.removesuffix(ending)
    parts = name.split(".")
    if len(parts) != _SERVICE_PARTS:
        return ""
    return addresses.get(ServiceKey(parts[1], parts[0], port), "")


def _request_log(config: ObservabilityConfig) -> RequestLog | None:
    return RequestLog(config.request_log, config.log_probes) if config.request_log else None
