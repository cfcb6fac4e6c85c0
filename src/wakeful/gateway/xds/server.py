"""Delta ADS: keep every connected Envoy in line with the store and know when it is.

Not for what the resources mean; that is the translator's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import grpc
import structlog
from envoy.service.discovery.v3 import discovery_pb2

from wakeful.apimachinery.errors import WakefulError
from wakeful.gateway.xds.resources import Changes, Resource, ResourceStore, ResourceType
from wakeful.gateway.xds.stream import Confirmed, DeltaStream, Refused

log = structlog.get_logger("wakeful.gateway.xds")

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_METHOD = "DeltaAggregatedResources"

Names = Mapping[ResourceType, Iterable[str]]


class NackError(WakefulError):
    """Envoy refused resources and keeps what it had before."""

    def __init__(self, kind: ResourceType, names: frozenset[str], message: str) -> None:
        listed = ", ".join(repr(name) for name in sorted(names)[:5])
        super().__init__(f"Envoy refused {kind.name.lower()} {listed}: {message}")
        self.kind, self.names, self.message = kind, names, message


class PushTimeoutError(WakefulError):
    """Envoy did not acknowledge in time; it may still do so later."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Envoy did not acknowledge its configuration within {seconds:g} s")
        self.seconds = seconds


class _Client:
    """One connected Envoy."""

    def __init__(self, store: ResourceStore) -> None:
        self.stream = DeltaStream(store)
        self.wake = asyncio.Event()
        self.node = ""


class _Waiter:
    """A push that waits for acknowledgements."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.remaining: dict[tuple[_Client, ResourceType, str], int] = {}


class AdsServer:
    """Serves the store over delta ADS.

    Nothing is answered before ``open`` was called: an Envoy that outlived the last control plane
    must not be told that there is nothing while we are still reading our own state.
    """

    def __init__(self, store: ResourceStore | None = None) -> None:
        self._store = store or ResourceStore()
        self._clients: set[_Client] = set()
        self._waiters: set[_Waiter] = set()
        self._opened = asyncio.Event()
        self._connected = asyncio.Event()

    @property
    def clients(self) -> int:
        """How many Envoys are connected."""
        return len(self._clients)

    @property
    def store(self) -> ResourceStore:
        """The desired state."""
        return self._store

    def handler(self) -> Any:
        """The gRPC service, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                _METHOD: grpc.stream_stream_rpc_method_handler(
                    self._serve,
                    request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString,
                    response_serializer=discovery_pb2.DeltaDiscoveryResponse.SerializeToString,
                )
            },
        )

    def open(self) -> None:
        """Begin to answer: the store now holds the first whole state."""
        self._opened.set()

    async def push(self, changes: Changes, *, timeout: float = 30.0) -> None:
        """Make ``changes`` and return once every connected Envoy works with them.

        Additions go first, what refers to them next, removals last, each step acknowledged before
        the next begins. With no Envoy connected this only changes the store.

        Raises:
            NackError: An Envoy refused; the store has the previous resources again.
            PushTimeoutError: An Envoy did not answer within ``timeout`` seconds.
        """
        for stage in changes.stages():
            previous = {
                (kind, name): self._store.get(kind, name)
                for kind, resources in stage.put.items()
                for name in resources
            }
            self._store.apply(stage)
            # Envoy drops the endpoints of a removed cluster by itself.
            removed = dict(stage.remove)
            removed.pop(ResourceType.ENDPOINTS, None)
            told = Changes(stage.put, removed)
            for client in self._clients:
                client.stream.mark(told)
                client.wake.set()
            self._take_back(told)
            try:
                await self.settled({**told.put, **told.remove}, timeout=timeout)
            except NackError as error:
                self._roll_back(error, previous)
                raise

    async def settled(self, names: Names, *, timeout: float = 30.0, clients: int = 0) -> None:
        """Return once every connected Envoy has the current version of ``names``.

        With ``clients`` = 1 it also waits for the first Envoy to connect.

        Raises:
            NackError: An Envoy refused one of them.
            PushTimeoutError: Not everything was acknowledged within ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while clients and not self._clients:
                    await self._connected.wait()
                await self._wait(names)
        except TimeoutError:
            raise PushTimeoutError(timeout) from None

    def is_settled(self, names: Names) -> bool:
        """Whether Envoys are connected and all have the current version of ``names``."""
        return bool(self._clients) and all(
            client.stream.outstanding(kind, name) is None
            for client in self._clients
            for kind, wanted in names.items()
            for name in wanted
        )

    async def _wait(self, names: Names) -> None:
        waiter = _Waiter(asyncio.get_running_loop().create_future())
        for client in self._clients:
            for kind, wanted in names.items():
                for name in wanted:
                    refusal = client.stream.refusal(kind, name)
                    if refusal is not None:
                        raise NackError(kind, frozenset({name}), refusal)
                    nonce = client.stream.outstanding(kind, name)
                    if nonce is not None:
                        waiter.remaining[client, kind, name] = nonce
        if not waiter.remaining:
            return
        self._waiters.add(waiter)
        try:
            await waiter.future
        finally:
            self._waiters.discard(waiter)

    async def _serve(
        self,
        requests: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        await self._opened.wait()
        client = _Client(self._store)
        self._clients.add(client)
        self._connected.set()
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(client, context), name="ads:write")
                async for request in requests:
                    if request.node.id and not client.node:
                        client.node = request.node.id
                        log.info("envoy connected", node=client.node)
                    for event in client.stream.on_request(request):
                        self._note(client, event)
                    client.wake.set()
                writer.cancel()
        finally:
            self._clients.discard(client)
            if not self._clients:
                self._connected.clear()
            self._forget(client)
            log.info("envoy disconnected", node=client.node)

    async def _write(self, client: _Client, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        while True:
            await client.wake.wait()
            client.wake.clear()
            while (response := client.stream.next_response()) is not None:
                await context.write(response)

    def _note(self, client: _Client, event: Confirmed | Refused) -> None:
        if isinstance(event, Refused):
            log.warning(
                "envoy refused configuration",
                kind=event.kind.name,
                names=sorted(event.names)[:5],
                reason=event.message,
            )
        for waiter in list(self._waiters):
            for name in event.names:
                nonce = waiter.remaining.get((client, event.kind, name))
                if nonce is None or event.nonce < nonce:
                    continue
                del waiter.remaining[client, event.kind, name]
                if isinstance(event, Refused) and not waiter.future.done():
                    waiter.future.set_exception(NackError(event.kind, event.names, event.message))
            self._finish(waiter)

    def _take_back(self, told: Changes) -> None:
        """End waits for what is never going to be sent.

        A change that another one undoes before it was sent leaves nothing to be acknowledged.
        """
        names = {
            (kind, name) for each in (told.put, told.remove) for kind in each for name in each[kind]
        }
        for waiter in list(self._waiters):
            for key, nonce in list(waiter.remaining.items()):
                client, kind, name = key
                if (kind, name) not in names:
                    continue
                outstanding = client.stream.outstanding(kind, name)
                if outstanding is None:
                    del waiter.remaining[key]
                else:
                    waiter.remaining[key] = min(nonce, outstanding)
            self._finish(waiter)

    def _forget(self, client: _Client) -> None:
        for waiter in list(self._waiters):
            waiter.remaining = {
                key: nonce for key, nonce in waiter.remaining.items() if key[0] is not client
            }
            self._finish(waiter)

    @staticmethod
    def _finish(waiter: _Waiter) -> None:
        if not waiter.remaining and not waiter.future.done():
            waiter.future.set_result(None)

    def _roll_back(
        self,
        error: NackError,
        previous: Mapping[tuple[ResourceType, str], Resource | None],
    ) -> None:
        for (kind, name), resource in previous.items():
            if kind is error.kind and name in error.names:
                self._store.restore(kind, name, resource)
        # What was good in the message may be in force or not: say it all again.
        for client in self._clients:
            client.stream.resend(error.kind, error.names)
            client.wake.set()
