"""A gateway in a thread of its own, so that no request waits for the platform's housekeeping.

Decisions at the gate take microseconds, but in the loop of the API server and the controllers they
would queue behind whatever those do: a long list, a burst of reconciles. Here they wait for the
interpreter lock at most, for as long as its switch interval.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler import LoadSample, Poke
from wakeful.gateway.gate.machine import GateCounts
from wakeful.gateway.gate.service import Timing
from wakeful.gateway.gateway import Gateway
from wakeful.gateway.plan import BackendKey, Endpoint, Plan, RevisionKey
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator.routes import HostConflict

T = TypeVar("T")

_COLLECT_SECONDS = 1.0


class _ForwardedPoke:
    """Takes pokes back to the loop of whoever answers them."""

    def __init__(self, poke: Poke) -> None:
        self._poke = poke
        self.loop: asyncio.AbstractEventLoop | None = None

    def poke(self, namespace: str, revision: str) -> None:
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._poke.poke, namespace, revision)


class _ForwardedLoad:
    """Collects in the gateway's thread; the caller waits, which takes a moment."""

    def __init__(self, run: Callable[[Callable[[], Any]], Future[Any]], gateway: Gateway) -> None:
        self._run, self._gateway = run, gateway

    def collect(self) -> Mapping[NamespacedName, LoadSample] | None:
        """See :meth:`wakeful.gateway.load.LoadReports.collect`; blind also while not serving."""
        try:
            found: Mapping[NamespacedName, LoadSample] | None = self._run(
                self._gateway.load.collect
            ).result(_COLLECT_SECONDS)
        except (NotServingError, TimeoutError):
            return None
        return found


class NotServingError(RuntimeError):
    """The gateway's thread does not run."""

    def __init__(self) -> None:
        super().__init__("the gateway does not serve")


class GatewayThread:
    """Plays :class:`~wakeful.gateway.control.GatewayControl` for one other loop."""

    def __init__(
        self, settings: GatewaySettings, poke: Poke | None = None, clock: Clock | None = None
    ) -> None:
        self._gateway = Gateway(settings, None, clock)
        self._poke: _ForwardedPoke | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.load = _ForwardedLoad(self._run, self._gateway)
        if poke is not None:
            self.connect_poke(poke)

    @property
    def settings(self) -> GatewaySettings:
        """Where it listens."""
        return self._gateway.settings

    @property
    def conflicts(self) -> Sequence[HostConflict]:
        """Hosts that more than one Ingress of the last plan wanted."""
        return self._gateway.conflicts

    @property
    def adopted(self) -> bool:
        """Envoy was serving before us."""
        return self._gateway.adopted

    @adopted.setter
    def adopted(self, value: bool) -> None:
        self._gateway.adopted = value

    def connect_poke(self, poke: Poke) -> None:
        """Name who starts instances; asked in the loop that ``serving`` is entered in."""
        self._poke = _ForwardedPoke(poke)
        self._gateway.connect_poke(self._poke)

    def connect_timing(self, timing: Timing) -> None:
        """See :meth:`Gateway.connect_timing`; ``timing`` is asked in our thread."""
        self._gateway.connect_timing(timing)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run the thread while the context is open."""
        loop = asyncio.get_running_loop()
        if self._poke is not None:
            self._poke.loop = loop
        started, ended = loop.create_future(), loop.create_future()

        def tell(future: asyncio.Future[None], error: BaseException | None = None) -> None:
            def settle() -> None:
                if future.done():
                    return
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)

            loop.call_soon_threadsafe(settle)

        stop = asyncio.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            try:
                async with self._gateway.serving():
                    tell(started)
                    await stop.wait()
            finally:
                self._loop = None

        def run() -> None:
            try:
                asyncio.run(serve())
            except BaseException as error:  # noqa: BLE001 - told to whoever waits
                tell(started, error)
                tell(ended, error)
            else:
                tell(ended)

        async def watch() -> None:
            await asyncio.shield(ended)

        thread = threading.Thread(target=run, name="gateway", daemon=True)
        thread.start()
        try:
            await started
            async with asyncio.TaskGroup() as group:
                group.create_task(watch(), name="gateway:thread")  # a crash there ends us too
                try:
                    yield
                finally:
                    self._end(stop)
        finally:
            self._end(stop)
            thread.join()
            if not ended.cancel() and not ended.cancelled():
                ended.exception()  # raised by the watch already, or by ``started``

    def _end(self, stop: asyncio.Event) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(stop.set)

    async def gate_counts(self) -> dict[RevisionKey, GateCounts]:
        """See :meth:`Gateway.gate_counts`; nothing while not serving."""
        if self._loop is None:
            return {}
        return await asyncio.wrap_future(self._run(self._gateway.gate_counts))

    async def publish(self, plan: Plan) -> None:
        """See :meth:`Gateway.publish`."""
        await self._await(self._gateway.publish(plan))

    async def settled(self) -> None:
        """See :meth:`Gateway.settled`."""
        await self._await(self._gateway.settled())

    def preset_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """See :meth:`Gateway.preset_endpoints`."""
        instances = tuple(endpoints)
        self._run(lambda: self._gateway.preset_endpoints(key, instances))

    async def set_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """See :meth:`Gateway.set_endpoints`."""
        await self._await(self._gateway.set_endpoints(key, tuple(endpoints)))

    async def let_go(self, key: RevisionKey, endpoint: Endpoint) -> bool:
        """See :meth:`Gateway.let_go`."""
        if self._loop is None:
            return False
        return await asyncio.wrap_future(self._run(lambda: self._gateway.let_go(key, endpoint)))

    async def drained(self, key: RevisionKey, endpoint: Endpoint) -> bool:
        """See :meth:`Gateway.drained`."""
        return await self._await(self._gateway.drained(key, endpoint))

    def fail(self, key: RevisionKey, reason: str) -> None:
        """See :meth:`Gateway.fail`."""
        with contextlib.suppress(NotServingError):
            self._run(lambda: self._gateway.fail(key, reason))

    async def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            coroutine.close()
            raise NotServingError
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def _run(self, function: Callable[[], T]) -> Future[T]:
        """Call a function in the gateway's thread, in the order of these calls."""
        if self._loop is None:
            raise NotServingError
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(function())
            except Exception as error:  # noqa: BLE001 - the caller's to see
                future.set_exception(error)

        self._loop.call_soon_threadsafe(call)
        return future
