"""Pulling messages: requests are kept outstanding, so that messages come as they are stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson
from nats.aio.msg import Msg

from wakeful.aio import Backoff, retry
from wakeful.eventbus.bus import BusUnavailableError, Message, NoConsumerError
from wakeful.eventbus.jetstream.connection import Connection

_EXPIRES_SECONDS = 60.0
_LATE_SECONDS = 5.0
_GONE = ("Consumer Deleted", "Consumer Is Push Based", "Exceeded MaxWaiting")


class Ack(NamedTuple):
    """What the reply subject of a delivered message says."""

    stream: str
    consumer: str
    deliveries: int
    sequence: int
    time_ns: int


def parse_ack(reply: str) -> Ack | None:
    """Read ``$JS.ACK.…`` in its old form (nine tokens) and in that with domain and account."""
    tokens = reply.split(".")
    if len(tokens) == 9:
        _, _, stream, consumer, deliveries, sequence, _, time_ns, _ = tokens
    elif len(tokens) >= 11:
        _, _, _, _, stream, consumer, deliveries, sequence, _, time_ns = tokens[:10]
    else:
        return None
    return Ack(stream, consumer, int(deliveries), int(sequence), int(time_ns))


class JetStreamMessage:
    """A delivered message."""

    __slots__ = ("_connection", "_reply", "data", "deliveries", "sequence", "subject", "timestamp")

    def __init__(self, connection: Connection, msg: Msg, ack: Ack) -> None:
        self._connection, self._reply = connection, msg.reply
        self.subject: str = msg.subject
        self.data: bytes = msg.data
        self.sequence, self.deliveries = ack.sequence, ack.deliveries
        self.timestamp = ack.time_ns / 1e9

    async def ack(self) -> None:
        """It is done with."""
        await self._connection.send(self._reply, b"+ACK")

    async def nak(self, delay_seconds: float = 0) -> None:
        """Deliver it again later."""
        delay = b'-NAK {"delay": %d}' % int(delay_seconds * 1e9) if delay_seconds > 0 else b"-NAK"
        await self._connection.send(self._reply, delay)

    async def term(self) -> None:
        """Never deliver it again."""
        await self._connection.send(self._reply, b"+TERM")

    async def in_progress(self) -> None:
        """Being worked on."""
        await self._connection.send(self._reply, b"+WPI")


class PullSubscription:
    """Keeps as many messages asked for as ``fetch`` has room for."""

    def __init__(
        self,
        connection: Connection,
        key: tuple[str, str],
        token: str,
        on_close: Callable[[PullSubscription], None],
    ) -> None:
        """``key`` is stream and consumer, ``token`` the part of our inbox that leads here."""
        self._connection, self.token, self.key = connection, token, key
        self._on_close = on_close
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{'.'.join(key)}"
        self._buffer: deque[JetStreamMessage] = deque()
        self._asked = 0
        self._asked_at = 0.0
        self._news = asyncio.Event()
        self._gone = ""

    async def fetch(self, most: int) -> Sequence[Message]:
        """Return what is there, or wait for the first message."""
        loop = asyncio.get_running_loop()
        while True:
            if self._gone:
                raise NoConsumerError(f"consumer {'/'.join(self.key)}: {self._gone}")
            room = most - len(self._buffer)
            if room > self._asked and self._asked <= room // 2:
                await self._ask(room - self._asked)
            if self._buffer:
                count = min(most, len(self._buffer))
                return [self._buffer.popleft() for _ in range(count)]
            self._news.clear()
            left = self._asked_at + _EXPIRES_SECONDS + _LATE_SECONDS - loop.time()
            try:
                async with asyncio.timeout(max(left, 0.1)):
                    await self._news.wait()
            except TimeoutError:
                self._asked = 0  # the end of the pull was lost on its way

    async def _ask(self, count: int) -> None:
        request: dict[str, Any] = {"batch": count, "expires": int(_EXPIRES_SECONDS * 1e9)}

        async def ask() -> None:
            await self._connection.connected.wait()
            await self._connection.send(
                self._subject, orjson.dumps(request), self._connection.inbox(self.token)
            )

        await retry(ask, BusUnavailableError, backoff=Backoff(base=0.05, cap=0.05))
        self._asked += count
        self._asked_at = asyncio.get_running_loop().time()

    def deliver(self, message: JetStreamMessage) -> None:
        """A message came."""
        self._asked = max(0, self._asked - 1)
        self._buffer.append(message)
        self._news.set()

    def status(self, msg: Msg) -> None:
        """A pull ended: its time is over, or it was refused."""
        headers = msg.headers or {}
        code = headers.get("Status", "")
        if code == "100":
            return
        left = headers.get("Nats-Pending-Messages")
        self._asked = max(0, self._asked - int(left)) if left else 0
        description = headers.get("Description", "")
        if code == "503" or (code == "409" and description in _GONE):
            self._gone = description or "nobody serves it"
        self._news.set()

    def reset(self) -> None:
        """The connection is another one: what was asked for is forgotten there."""
        self._asked = 0
        self._news.set()

    async def aclose(self) -> None:
        """Give back what was not fetched."""
        buffered, self._gone = list(self._buffer), "closed"
        self._buffer.clear()
        self._news.set()
        self._on_close(self)
        for message in buffered:
            try:
                await message.nak()
            except BusUnavailableError:
                return  # delivered again when its time is up
