"""The sample services of Knative's guides: a greeting, an API of versions, a load, a chat.

Run as ``serving_samples.py hello|rest-api|autoscale|chat``. Kept to modules that load fast: a
request to a sleeping service waits for this to listen. The chat alone needs two more.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DRAIN_SECONDS = 10.0
_MAX_HEAD = 65536
_MAX_MESSAGE = 1 << 20
_MAX_SLEEP_MS, _MAX_PRIME, _MAX_BLOAT_MB = 60_000, 10_000_000, 1000
_WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>Chat</title>
<style>body{font:16px sans-serif;margin:2em}pre{height:60vh;overflow:auto;background:#eee}</style>
<pre id="log"></pre>
<form id="form"><input id="text" size="64" autofocus> <input type="submit" value="Send"></form>
<script>
const log = document.getElementById("log"), text = document.getElementById("text");
const scheme = location.protocol === "https:" ? "wss://" : "ws://";
const socket = new WebSocket(scheme + location.host + "/ws");
const show = line => { log.append(line + "\\n"); log.scrollTop = log.scrollHeight; };
socket.onmessage = event => show(event.data);
socket.onclose = () => show("Connection closed.");
document.getElementById("form").onsubmit = () => {
  if (text.value) { socket.send(text.value); text.value = ""; }
  return false;
};
</script>
"""


def hello(path: str, query: dict[str, str]) -> str:
    """Greet whom $TARGET names."""
    time.sleep(_number(query, "sleep", _MAX_SLEEP_MS) / 1000)
    return f"Hello {os.environ.get('TARGET') or 'World'}!\n"


def rest_api(path: str, query: dict[str, str]) -> str:
    """Tell the version that $RESOURCE names."""
    resource = os.environ.get("RESOURCE") or "NOT SPECIFIED"
    if path == f"/{resource}":
        return f"{resource} ticker not found!, require /{resource}/{{ticker}}\n"
    return f"Welcome to the {resource} app! \n"


def autoscale(path: str, query: dict[str, str]) -> str:
    """Use memory, a processor and time, as much as the query asks for."""
    lines = []
    if bloat := _number(query, "bloat", _MAX_BLOAT_MB):
        bytearray(bloat << 20)
        lines.append(f"Allocated {bloat} Mb of memory.")
    if prime := _number(query, "prime", _MAX_PRIME):
        found = _largest_prime(prime)
        lines.append(
            f"The largest prime less than {prime} is {found}."
            if found
            else f"There are no primes smaller than {prime}."
        )
    if milliseconds := _number(query, "sleep", _MAX_SLEEP_MS):
        begun = time.monotonic()
        time.sleep(milliseconds / 1000)
        lines.append(f"Slept for {(time.monotonic() - begun) * 1000:.2f} milliseconds.")
    return "".join(f"{line}\n" for line in lines)


def chat(path: str, query: dict[str, str]) -> str:
    """The page that talks to ``/ws``."""
    return _PAGE


def _number(query: dict[str, str], name: str, most: int) -> int:
    text = query.get(name, "")
    return min(int(text), most) if text.isdecimal() else 0


def _largest_prime(below: int) -> int:
    """The largest prime less than ``below``, by a sieve; 0 when there is none."""
    sieve = bytearray([1]) * below
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    found = sieve.rfind(1)
    return found if found > 1 else 0


class Room:
    """Everybody who is connected to the chat."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: list[socket.socket] = []

    def host(self, connection: socket.socket, welcome: bytes, pending: bytes) -> None:
        """Pass what one member says to all, until it leaves.

        Whoever has got the welcome is in: nothing said from then on is missed.
        """
        with self._lock:
            connection.sendall(welcome)
            self._members.append(connection)
        frames = Frames(connection, pending)
        try:
            while (message := frames.next_message()) is not None:
                kind, data = message
                self._tell(self._members if kind in (_TEXT, _BINARY) else [connection], kind, data)
        finally:
            with self._lock:
                self._members.remove(connection)

    def _tell(self, members: list[socket.socket], kind: int, data: bytes) -> None:
        head = bytes([128 | kind])
        if len(data) < 126:
            head += bytes([len(data)])
        elif len(data) < 1 << 16:
            head += b"\x7e" + len(data).to_bytes(2, "big")
        else:
            head += b"\x7f" + len(data).to_bytes(8, "big")
        with self._lock:
            for member in members:
                try:
                    member.sendall(head + data)
                except OSError:
                    continue  # its own thread sees that it is gone


class Frames:
    """The WebSocket messages of one connection."""

    def __init__(self, connection: socket.socket, pending: bytes) -> None:
        self._connection, self._pending = connection, pending

    def next_message(self) -> tuple[int, bytes] | None:
        """Return what to pass on: kind and content; a pong for a ping. None at the end."""
        kind, whole = 0, b""
        while True:
            first, second = self._read(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(self._read(2 if size == 126 else 8), "big")
            if size + len(whole) > _MAX_MESSAGE:
                return None
            mask = self._read(4) if second & 128 else bytes(4)
            data = bytes(b ^ mask[i & 3] for i, b in enumerate(self._read(size)))
            opcode = first & 15
            if opcode == _CLOSE:
                return None
            if opcode == _PING:
                return _PONG, data
            if opcode == _PONG:
                continue
            kind, whole = opcode or kind, whole + data
            if first & 128:
                return kind, whole

    def _read(self, size: int) -> bytes:
        while len(self._pending) < size:
            chunk = self._connection.recv(65536)
            if not chunk:
                raise OSError("the other side has gone")
            self._pending += chunk
        data, self._pending = self._pending[:size], self._pending[size:]
        return data


class Server:
    """A thread for each connection; what is being answered is finished after SIGTERM."""

    def __init__(self, answer: Callable[[str, dict[str, str]], str]) -> None:
        self._answer = answer
        self._type = "text/html" if answer is chat else "text/plain"
        self._room = Room() if answer is chat else None
        self._idle = threading.Condition()
        self._busy, self._draining = 0, False
        self._listener = socket.create_server(
            ("", int(os.environ.get("PORT") or "8080")), backlog=1024
        )

    def run(self) -> None:
        """Serve until SIGTERM."""
        signal.signal(signal.SIGTERM, self._drain)
        while not self._draining:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, _DRAIN_SECONDS)

    def _drain(self, *_: object) -> None:
        self._draining = True
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends the accept that waits

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._answer_all(connection)
            except ValueError as error:
                _refuse(connection, str(error))
            except OSError:
                return  # the caller went away

    def _answer_all(self, connection: socket.socket) -> None:
        pending = b""
        while chunk := connection.recv(65536):
            pending += chunk
            while b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                if self._room is not None and (key := _field(head, b"sec-websocket-key")):
                    self._room.host(connection, _accept(key), pending)
                    return
                pending = _skip_body(connection, head, pending)
                if self._respond(connection, head):
                    return
            if len(pending) > _MAX_HEAD:
                raise ValueError("the head of the request is too long")

    def _respond(self, connection: socket.socket, head: bytes) -> bool:
        """Answer one request; whether it was the last of its connection."""
        with self._idle:
            self._busy += 1
        try:
            method, target = head.split(b" ", 2)[:2]
            path, _, text = target.decode("latin-1").partition("?")
            query = dict(part.partition("=")[::2] for part in text.split("&") if part)
            body = self._answer(path, query).encode()
            last = self._draining or _field(head, b"connection").lower() == b"close"
            lines = [
                "HTTP/1.1 200 OK",
                f"content-type: {self._type}; charset=utf-8",
                f"content-length: {len(body)}",
                *(["connection: close"] if last else []),
            ]
            text = "\r\n".join(lines) + "\r\n\r\n"
            connection.sendall(text.encode() + (b"" if method == b"HEAD" else body))
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()
        return last


def _accept(key: bytes) -> bytes:
    from base64 import b64encode
    from hashlib import sha1

    proof = b64encode(sha1(key + _WEBSOCKET_KEY, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


def _refuse(connection: socket.socket, why: str) -> None:
    body = f"{why}\n".encode()
    head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    try:
        connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    except OSError:
        return


def _skip_body(connection: socket.socket, head: bytes, pending: bytes) -> bytes:
    """Read what the request sent along; return what belongs to the next one."""
    coding = _field(head, b"transfer-encoding").lower()
    if coding == b"chunked":
        return _skip_chunks(connection, pending)
    text = _field(head, b"content-length") or b"0"
    if coding or not text.isdigit():
        raise ValueError("the body's length or encoding cannot be read")
    return _skip(connection, pending, int(text))


def _skip_chunks(connection: socket.socket, pending: bytes) -> bytes:
    while True:
        line, pending = _line(connection, pending)
        size = line.partition(b";")[0].strip().lower()
        if not size or size.strip(b"0123456789abcdef"):
            raise ValueError("the size of a chunk is no number")
        if not size.strip(b"0"):
            break
        pending = _skip(connection, pending, int(size, 16))
        rest, pending = _line(connection, pending)
        if rest:
            raise ValueError("a chunk is longer than it says")
    while line:
        line, pending = _line(connection, pending)
    return pending


def _line(connection: socket.socket, pending: bytes) -> tuple[bytes, bytes]:
    """A line without its end, and what follows it."""
    while b"\r\n" not in pending:
        chunk = connection.recv(65536)
        if not chunk or len(pending) > _MAX_HEAD:
            raise ValueError("the body ends early")
        pending += chunk
    line, _, rest = pending.partition(b"\r\n")
    return line, rest


def _skip(connection: socket.socket, pending: bytes, size: int) -> bytes:
    while len(pending) < size:
        size -= len(pending)
        pending = connection.recv(65536)
        if not pending:
            raise ValueError("the body ends early")
    return pending[size:]


def _field(head: bytes, name: bytes) -> bytes:
    """The value of a header field, empty when it is missing."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


SAMPLES = {"hello": hello, "rest-api": rest_api, "autoscale": autoscale, "chat": chat}


def main() -> None:
    """Serve the sample that the first argument names."""
    Server(SAMPLES[sys.argv[1]]).run()


if __name__ == "__main__":
    main()
