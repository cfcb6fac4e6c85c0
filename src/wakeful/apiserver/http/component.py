"""The API server as a component of a process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

import structlog
from aiohttp import web

from wakeful.aio import Lifetime
from wakeful.apimachinery.scheme import Resource
from wakeful.apiserver.http.app import HTTPApplication
from wakeful.loopback import make_runner
from wakeful.storage import Store

log = structlog.get_logger("wakeful.apiserver")

_SHUTDOWN_SECONDS = 5.0


class ApiServerComponent:
    """Listens until told to drain; the store's upkeep runs beside it.

    ``port`` 0 takes a free one; :attr:`port` tells which once the component has started. It is the
    same on every one of ``hosts``. Whoever opened the store closes it.

    It answers from ``listening`` on; it has started once the definitions of all kinds are stored
    as well, for clients that look there. Those that were there before are renewed when
    ``renew_after`` is set, by default soon.
    """

    name = "apiserver"

    def __init__(
        self,
        application: HTTPApplication,
        store: Store,
        *,
        hosts: Sequence[str] = ("127.0.0.1",),
        port: int = 6443,
        ssl_context: ssl.SSLContext | None = None,
        renew_after: asyncio.Event | None = None,
    ) -> None:
        self._application, self._store = application, store
        self._hosts, self._port, self._ssl = tuple(hosts), port, ssl_context
        self._renew_after = renew_after
        self.listening = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    async def run(self, life: Lifetime) -> None:
        """Serve until draining."""
        self._runner = runner = make_runner(
            self._application.make(),
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            for host in self._hosts:
                await self.listen(host)
            async with asyncio.TaskGroup() as group:
                upkeep = group.create_task(self._store.maintain(), name="apiserver:store")
                self.listening.set()
                known = await self._application.server.publish_definitions()
                renewal = group.create_task(self._renew(known), name="apiserver:definitions")
                life.started.set()
                await life.draining.wait()
                self._application.drain()
                upkeep.cancel()
                renewal.cancel()
        finally:
            await runner.cleanup()

    async def _renew(self, definitions: Sequence[Resource]) -> None:
        if self._renew_after is not None:
            await self._renew_after.wait()
        await self._application.server.renew_definitions(definitions)

    async def listen(self, host: str) -> None:
        """Listen at one more address, while it runs.

        Raises:
            OSError: It is not this machine's, or somebody else listens there.
        """
        assert self._runner is not None
        site = web.TCPSite(self._runner, host, self._port, ssl_context=self._ssl)
        await site.start()
        self._port = self._runner.addresses[0][1]
        log.info("listening", host=host, port=self._port, tls=self._ssl is not None)
