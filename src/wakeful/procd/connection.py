"""One client of the server: what it sends, what is queued for it."""

from __future__ import annotations

from wakeful.procd.loop import READ, WRITE
from wakeful.procd.wire import Decoder, ProtocolError, Sender, receive

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from wakeful.procd.loop import Loop

_BACKLOG_LIMIT_BYTES = 8 * 1024 * 1024


class Connection:
    """One client; ``handle`` gets its requests with their descriptors, ``on_close`` its end."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        log: Callable[[str], None],
        handle: Callable[[Connection, dict[str, Any], list[int]], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        self._loop, self._sock = loop, sock
        self._log, self._handle, self._on_close = log, handle, on_close
        self._decoder, self._sender = Decoder(), Sender(sock)
        self.subscribed = False
        self._overflowed = False
        self.closed = False
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self.closed:
            self._read()

    def _read(self) -> None:
        try:
            data, fds = receive(self._sock)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self.close()
            return
        try:
            messages = self._decoder.feed(data, fds)
        except ProtocolError as error:
            self._log(f"client dropped: {error}")
            self.close()
            return
        for message, message_fds in messages:
            self._handle(self, message, message_fds)

    def send(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """Queue and try to send at once."""
        if not self.closed:
            self._sender.push(message, fds, own=True)
            self._flush()

    def tell(self, event: dict[str, Any]) -> None:
        """Send an event, unless the client has stopped reading."""
        if self._sender.queued_bytes > _BACKLOG_LIMIT_BYTES:
            self._overflowed = True
        elif self.subscribed:
            self.send(event)

    def _flush(self) -> None:
        try:
            done = self._sender.flush()
        except OSError:
            self.close()
            return
        if done and self._overflowed:
            self._overflowed = False
            self.send({"event": "overflow"})
            return
        self._loop.watch(self._sock.fileno(), READ if done else READ | WRITE, self._ready)

    def close(self) -> None:
        """Drop the client and what it owned."""
        if not self.closed:
            self.closed = True
            self._loop.unwatch(self._sock.fileno())
            self._sock.close()
            self._sender.close()
            self._decoder.close()
            self._on_close(self)
