"""Figures that go out: fetched by Prometheus or pushed to a collector, as configured."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from wakeful import __version__
from wakeful.apis.core import ConfigMap
from wakeful.apis.serving.config import (
    CONFIG_OBSERVABILITY,
    CollectorAddress,
    ListenAddress,
    MetricsConfig,
    Protocol,
    parse_observability,
)
from wakeful.autoscaler.exposition import ScalingFigures, scaling_metrics
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore
from wakeful.gateway.envoy import EnvoyAdmin
from wakeful.gateway.figures import gate_metrics, read_request_metrics
from wakeful.gateway.planner import Planner
from wakeful.gateway.thread import GatewayThread
from wakeful.telemetry.metrics import CONTENT_TYPE, Metric, encode_metrics, write_exposition
from wakeful.telemetry.push import PushError, Target, push_grpc, push_http

log = structlog.get_logger("wakeful.figures")

Gather = Callable[[], Awaitable[list[Metric]]]
Resolve = Callable[[str, int], str]
_FIRST_SECONDS = 5.0
"""Until the first push, if not sooner: whether it arrives shows soon, and Envoy counts by then."""
_PUSH = {Protocol.GRPC: push_grpc, Protocol.HTTP: push_http}


@dataclass(frozen=True, slots=True)
class Source:
    """What one group of keys is about: its figures, and who gives them."""

    name: str
    service: str
    """What the figures are said to come from."""
    gather: Gather


class Export:
    """Does with one source's figures what the configuration says, as it changes."""

    def __init__(self, source: Source, resolve: Resolve) -> None:
        self._source, self._resolve = source, resolve
        self._config = MetricsConfig()
        self._changed = asyncio.Event()
        self._failing = False

    def configure(self, config: MetricsConfig) -> None:
        """Do this from now on."""
        if config != self._config:
            self._config = config
            self._changed.set()

    async def run(self) -> None:
        """Follow the configuration until cancelled."""
        while True:
            self._changed.clear()
            config = self._config
            if config.pushed and config.collector is not None:
                await self._push_until_changed(config, config.collector)
            elif config.listen is not None:
                async with self._listening(config.listen):
                    await self._changed.wait()
            else:
                await self._changed.wait()

    async def _push_until_changed(self, config: MetricsConfig, collector: CollectorAddress) -> None:
        self._failing = False
        interval = config.export_interval.total_seconds()
        due = min(_FIRST_SECONDS, interval)
        while not await self._changes_within(due):
            due = interval
            await self._push(config.protocol, collector)

    async def _changes_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        return self._changed.is_set()

    async def _push(self, protocol: Protocol, collector: CollectorAddress) -> None:
        metrics = await self._source.gather()
        resource = {
            "service.name": self._source.service,
            "service.version": __version__,
            "k8s.namespace.name": "knative-serving",
        }
        body = await asyncio.to_thread(encode_metrics, metrics, resource, time.time())
        address = self._resolve(collector.host, collector.port) or collector.host
        target = Target(collector.host, collector.port, collector.path, collector.tls, address)
        try:
            await _PUSH[protocol](body, target)
        except PushError as error:
            if not self._failing:
                log.warning("figures not sent", figures=self._source.name, error=str(error))
            self._failing = True
        else:
            if self._failing:
                log.info("figures are sent again", figures=self._source.name)
            self._failing = False

    @contextlib.asynccontextmanager
    async def _listening(self, where: ListenAddress) -> AsyncIterator[None]:
        async def answer(_request: web.Request) -> web.Response:
            return await scrape_answer(await self._source.gather())

        app = web.Application()
        app.router.add_get("/metrics", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, where.host or None, where.port).start()
            except OSError as error:
                log.warning("cannot listen for scrapes", port=where.port, error=str(error))
            yield
        finally:
            await runner.cleanup()


async def scrape_answer(metrics: Sequence[Metric]) -> web.Response:
    """What Prometheus reads."""
    body = await asyncio.to_thread(write_exposition, metrics)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


class Figures:
    """The platform's figures and those of requests, each with an export of its own."""

    name = "figures"

    def __init__(
        self,
        manager: Manager,
        planner: Planner,
        gateway: GatewayThread,
        scaling: Callable[[], list[ScalingFigures]],
    ) -> None:
        self._gateway, self._scaling = gateway, scaling
        self._admin = EnvoyAdmin(gateway.settings.paths.admin_socket)
        platform = Source("metrics", "wakeful", self._of_platform)
        requests = Source("request-metrics", "wakeful-gateway", self._of_requests)
        self._platform = Export(platform, planner.service_address)
        self._requests = Export(requests, planner.service_address)
        self._config = ConfigStore(
            manager.informer(ConfigMap), CONFIG_OBSERVABILITY, parse_observability
        )
        self._config.on_change(lambda _config: self._configure())
        manager.add(self)

    async def run(self) -> None:
        """Export until cancelled."""
        self._configure()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._platform.run(), name="figures:platform")
            group.create_task(self._requests.run(), name="figures:requests")

    async def scraped(self) -> list[Metric]:
        """What the API's own page has: the platform's figures, and what else is to be there."""
        found = await self._of_platform()
        if self._config.current().request_metrics.protocol is Protocol.PROMETHEUS:
            found += await self._of_requests()
        return found

    def _configure(self) -> None:
        config = self._config.current()
        self._platform.configure(config.metrics)
        self._requests.configure(config.request_metrics)

    async def _of_platform(self) -> list[Metric]:
        return [*scaling_metrics(self._scaling()), *gate_metrics(await self._gateway.gate_counts())]

    async def _of_requests(self) -> list[Metric]:
        return await read_request_metrics(self._admin)
