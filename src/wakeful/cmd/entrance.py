"""The API server's HTTP side as two components: open early, ready late.

What is stored can be read and written as soon as the store can; everything behind it, which may
have thousands of objects to read first, catches up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wakeful.aio import Lifetime
from wakeful.apiserver.http.component import ApiServerComponent

_EVERYWHERE = ("0.0.0.0", "::")

Make = Callable[[asyncio.Event], ApiServerComponent]
"""Builds the HTTP side, given what says that everything has started."""


class ApiEntrance:
    """Listens for clients on this host; started means: requests are answered.

    It stops listening when :class:`ApiReady` drains, which is long before itself.
    """

    name = "api"

    def __init__(self, make: Make) -> None:
        self._make = make
        self._component: ApiServerComponent | None = None
        self._inner = Lifetime()
        self._closed = asyncio.Event()
        self._ready = asyncio.Event()

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it has started."""
        return self._component.port if self._component else 0

    async def run(self, life: Lifetime) -> None:
        """Serve until told to close, then wait for the end."""
        self._component = self._make(self._ready)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._component.run(self._inner), name="api:http")
            listening = group.create_task(self._component.listening.wait(), name="api:listening")
            await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
            listening.cancel()
            life.started.set()
            draining = group.create_task(life.draining.wait(), name="api:draining")
            await asyncio.wait({serving, draining}, return_when=asyncio.FIRST_COMPLETED)
            self._inner.draining.set()
            await asyncio.wait({serving})
            self._closed.set()

    async def open(self, inside: str | None) -> None:
        """Tell clients that everything has started; ``inside`` is where instances see this host."""
        component = self._component
        assert component is not None
        await self._inner.started.wait()
        if inside is not None:
            await component.listen(inside)
        self._ready.set()

    async def close(self) -> None:
        """Take no more requests and let those in progress end."""
        self._ready.clear()
        self._inner.draining.set()
        await self._closed.wait()


class ApiReady:
    """The last to start, so that ``/readyz`` speaks for all; the first to drain.

    ``bind`` is where the API listens already, ``gateway`` tells this host's address as instances
    see it, which is there by now. ``on_ready`` is called in the end.
    """

    name = "api-ready"

    def __init__(
        self,
        entrance: ApiEntrance,
        bind: str,
        gateway: Callable[[], str | None],
        on_ready: Callable[[], None],
    ) -> None:
        self._entrance, self._bind = entrance, bind
        self._gateway, self._on_ready = gateway, on_ready

    async def run(self, life: Lifetime) -> None:
        """Say that everything is ready, then wait for the end."""
        inside = self._gateway()
        served = self._bind in _EVERYWHERE or inside == self._bind
        await self._entrance.open(None if served else inside)
        self._on_ready()
        life.started.set()
        await life.draining.wait()
        await self._entrance.close()
