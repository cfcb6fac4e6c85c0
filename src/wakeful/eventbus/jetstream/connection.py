"""A connection to NATS with one inbox for everything: acknowledgements, API answers, deliveries.

One subscription instead of one for each consumer keeps idle consumers free and busy ones cheap.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import nats
import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from wakeful.eventbus.bus import BusError, BusUnavailableError, NoStreamError
from wakeful.eventbus.natsserver import NatsServer

_RECONNECT_SECONDS = 0.1
_SWEEP_SECONDS = 0.5


class ApiError(BusError):
    """JetStream refused a request; ``code`` is its own."""

    def __init__(self, subject: str, error: dict[str, Any]) -> None:
        super().__init__(f"{subject}: {error.get('description')}")
        self.code: int = error.get("err_code", 0)
        self.status: int = error.get("code", 0)


class _Direct:
    """Stands in for a subscription's queue: what is put is dealt with at once."""

    def __init__(self, handle: Callable[[Msg], None]) -> None:
        self.put_nowait = handle

    def empty(self) -> bool:
        """There is never anything left."""
        return True


def _bypass_queue(subscription: Subscription, handle: Callable[[Msg], None]) -> None:
    """Have a subscription's messages handled as they are read.

    By way of its queue, each message wakes a task first, which takes longer than all we do with it.
    """
    subscription._pending_queue = _Direct(handle)  # type: ignore[assignment]  # noqa: SLF001
    subscription._pending_bytes_limit = 0  # noqa: SLF001  (nothing is pending)


class Connection:
    """Requests and their answers, published messages and their acknowledgements."""

    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self._client = Client()
        self._prefix = ""
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[asyncio.Future[Msg], float]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.connected = asyncio.Event()
        self.on_delivery: Callable[[Msg], None] = lambda _msg: None
        """Called with whatever is no answer: messages, and the states of pulls."""
        self.on_reconnect: Callable[[], None] = lambda: None
        """The server may be another one, or the same without what it kept in memory."""

    async def open(self, seconds: float) -> None:
        """Connect; later disconnections are mended in the background, for ever.

        Raises:
            BusUnavailableError: No server within ``seconds``.
        """
        server = self._server
        options: dict[str, Any] = {}
        if server.credentials_file:
            options["user_credentials"] = server.credentials_file
        elif server.user:
            options |= {"user": server.user, "password": server.password}
        if server.ca_file:
            import ssl

            options["tls"] = ssl.create_default_context(cafile=server.ca_file)
        try:
            async with asyncio.timeout(seconds):
                await self._client.connect(
                    [server.url],
                    name="wakeful",
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type] # sleeps as long
                    connect_timeout=2,
                    ping_interval=20,
                    skip_subject_validation=True,  # ours are made of checked tokens
                    pending_size=0,  # while nobody is there, say so instead of piling up
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    **options,
                )
        except (TimeoutError, OSError, nats.errors.Error) as error:
            await self._client.close()
            raise BusUnavailableError(
                f"NATS at {server.url}: {str(error) or 'timed out'}"
            ) from error
        self._prefix = f"{self._client.new_inbox()}."
        subscription = await self._client.subscribe(f"{self._prefix}*")
        _bypass_queue(subscription, self._on_message)
        self.connected.set()
        self._sweeper = asyncio.create_task(self._sweep(), name="eventbus:sweeper")

    async def close(self) -> None:
        """Send what is pending, then disconnect."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper, *self._sending])
        self._fail_all("closed")
        await self._client.close()

    def inbox(self, token: str) -> str:
        """A subject that leads to ``on_delivery``."""
        return f"{self._prefix}{token}"

    def token(self, subject: str) -> str | None:
        """The token of one of our inboxes."""
        prefix = self._prefix
        return subject[len(prefix) :] if subject.startswith(prefix) else None

    async def send(self, subject: str, data: bytes = b"", reply: str = "") -> None:
        """Send without waiting for anything.

        Raises:
            BusUnavailableError: There is no connection.
        """
        try:
            await self._client.publish(subject, data, reply)
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailableError(f"NATS at {self._server.url}: not connected") from error

    def later(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send something soon; it does not matter whether it arrives."""

        async def quietly() -> None:
            with contextlib.suppress(BusUnavailableError):
                await sending

        task = asyncio.create_task(quietly())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def request(self, subject: str, data: bytes, seconds: float) -> Msg:
        """Send and wait for the answer.

        Raises:
            BusUnavailableError: None came.
            NoStreamError: Nobody listens to this subject.
        """
        token = f"a{next(self._numbers)}"
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Msg] = loop.create_future()
        self._waiting[token] = (future, loop.time() + seconds)
        try:
            await self.send(subject, data, self._prefix + token)
            answer = await future
        finally:
            self._waiting.pop(token, None)
        if answer.headers and answer.headers.get("Status") == "503":
            raise NoStreamError(f"nobody stores {subject!r}")
        return answer

    async def call(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream's API.

        Raises:
            ApiError: It refused.
        """
        subject = f"$JS.API.{subject}"
        try:
            answer = await self.request(subject, orjson.dumps(body) if body else b"", 10.0)
        except NoStreamError as error:
            raise BusUnavailableError("JetStream is not ready") from error
        result: dict[str, Any] = orjson.loads(answer.data)
        if "error" in result:
            raise ApiError(subject, result["error"])
        return result

    def _on_message(self, msg: Msg) -> None:
        subject = msg.subject
        if subject.startswith(self._prefix):
            waiting = self._waiting.get(subject[len(self._prefix) :])
            if waiting is not None:
                if not waiting[0].done():
                    waiting[0].set_result(msg)
                return
        self.on_delivery(msg)

    async def _on_error(self, _error: Exception) -> None:
        """Every failure surfaces where something is waited for."""

    async def _on_disconnected(self) -> None:
        self.connected.clear()
        self._fail_all("disconnected")

    async def _on_reconnected(self) -> None:
        self.connected.set()
        self.on_reconnect()

    def _fail_all(self, why: str) -> None:
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(BusUnavailableError(f"NATS at {self._server.url}: {why}"))

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = loop.time()
            for future, deadline in list(self._waiting.values()):
                if deadline < now and not future.done():
                    future.set_exception(BusUnavailableError("NATS did not answer in time"))
