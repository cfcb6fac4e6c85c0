"""Serves the function of ``func.py``; copied into images, it needs the standard library only.

``handle(context)`` gets ``context.request`` (method, path, query, headers, body, ``json()``) and,
for a CloudEvent in binary or structured mode, ``context.cloud_event`` (attributes, by their names
in version 1.0 whatever the event's own, and ``data``).
It returns None, text, bytes, something for JSON, or a tuple of body, status and headers. Something
with a ``specversion`` is an event; an id, a source and a time are added where they are missing.
"""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import os
import signal
import sys
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Request:
    """One HTTP request, whole."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class Context:
    """What a function is called with."""

    request: Request
    cloud_event: dict[str, Any] | None


_OLD_NAMES = {
    "cloudeventsversion": "specversion",
    "eventtype": "type",
    "eventid": "id",
    "eventtime": "time",
    "schemaurl": "dataschema",
    "contenttype": "datacontenttype",
}
"""What versions before 1.0 call attributes, in lower case."""


def _unescape(value: str) -> str:
    """A header's value without its quotes and percent-encoding; ValueError if it is no UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = json.loads(value)
    return unquote(value, errors="strict")


def _cloud_event(request: Request) -> dict[str, Any] | None:
    content_type = request.headers.get_content_type()
    if content_type == "application/cloudevents+json":
        return _structured(request.json())
    event: dict[str, Any] = {}
    for header, value in request.headers.items():
        if header.lower().startswith("ce-"):
            name = header.lower()[3:]
            event[_OLD_NAMES.get(name, name)] = _unescape(value)
    if "specversion" not in event:
        return None
    if event["specversion"] == "0.1":
        event = {name.removeprefix("x-"): value for name, value in event.items()}
    if "Content-Type" in request.headers:
        event["datacontenttype"] = request.headers["Content-Type"]
    is_json = content_type == "application/json" or content_type.endswith("+json")
    event["data"] = request.json() if is_json and request.body else request.body
    return event


def _structured(document: Any) -> dict[str, Any] | None:
    if not isinstance(document, dict):
        return None
    event: dict[str, Any] = {
        str(_OLD_NAMES.get(name.lower(), name)): value for name, value in document.items()
    }
    if event.get("specversion") == "0.1":
        event |= event.pop("extensions", None) or {}
    if "data_base64" in event:
        event["data"] = base64.b64decode(event.pop("data_base64"))
    return event


def _reply_event(event: dict[str, Any]) -> bytes:
    """An event as a function returns it, in structured JSON."""
    now = datetime.now(timezone.utc).isoformat()  # noqa: UP017 - for Pythons older than ours
    event = {
        "id": str(uuid.uuid4()),
        "source": f"/{os.environ.get('K_SERVICE', 'function')}",
        "time": now.replace("+00:00", "Z"),
        **event,
    }
    if isinstance(event.get("data"), bytes):
        event["data_base64"] = base64.b64encode(event.pop("data")).decode()
    return json.dumps(event).encode()


def _response(result: Any) -> tuple[bytes, int, dict[str, str]]:
    status, headers = 200, {}
    if isinstance(result, tuple):
        result, *rest = result
        for extra in rest:
            if isinstance(extra, int):
                status = extra
            else:
                headers = dict(extra)
    if result is None:
        return b"", 204 if status == 200 else status, headers
    if isinstance(result, bytes):
        body, kind = result, "application/octet-stream"
    elif isinstance(result, str):
        body, kind = result.encode(), "text/plain; charset=utf-8"
    elif isinstance(result, dict) and "specversion" in result:
        body, kind = _reply_event(result), "application/cloudevents+json"
    else:
        body, kind = json.dumps(result).encode(), "application/json"
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return body, status, headers


def _read_body(headers: Any, stream: BufferedIOBase) -> bytes:
    """The body of a request, whole; ValueError if it is not as its headers say."""
    coding = headers.get("Transfer-Encoding", "").strip().lower()
    if coding == "chunked":
        return b"".join(_chunks(stream))
    if coding:
        raise ValueError(f"the transfer encoding is not known: {coding}")
    return _piece(stream, _size(headers.get("Content-Length", "0"), "0123456789"))


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while True:
        line = stream.readline(1024).decode("latin-1")
        size = _size(line.partition(";")[0], "0123456789abcdef")
        if size:
            yield _piece(stream, size)
            if stream.readline(3).strip():
                raise ValueError("a chunk is longer than it says")
            continue
        while stream.readline(65536).strip():
            pass
        return


def _size(text: str, digits: str) -> int:
    text = text.strip().lower()
    if not text or len(text) > 16 or set(text) - set(digits):
        raise ValueError(f"a length is no number: {text[:40]!r}")
    return int(text, len(digits))


def _piece(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("the body ends early")
    return data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    function: Any = None

    def _serve(self) -> None:
        try:
            body = _read_body(self.headers, self.rfile)
        except ValueError as error:
            self.close_connection = True
            self._send(f"the request is broken: {error}\n".encode(), 400, {"Connection": "close"})
            return
        url = urlsplit(self.path)
        request = Request(self.command, url.path, parse_qs(url.query), self.headers, body)
        try:
            event = _cloud_event(request)
        except (ValueError, RecursionError) as error:
            self._send(f"not a CloudEvent: {error}\n".encode(), 400, {})
            return
        try:
            reply = _response(type(self).function(Context(request, event)))
        except Exception:  # noqa: BLE001 - the function's fault is the caller's 500
            traceback.print_exc()
            reply = (b"the function failed; its log says why\n", 500, {})
        self._send(*reply)

    def _send(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are logged in front of the instance."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def _find_function() -> Any:
    module = importlib.import_module("func")
    found = getattr(module, "handle", None) or getattr(module, "main", None)
    if not callable(found):
        sys.exit("func.py has no function handle(context)")
    if inspect.iscoroutinefunction(found):
        import asyncio

        return lambda context: asyncio.run(found(context))
    return found


def main() -> None:
    """Listen on ``$PORT`` until told to end."""
    _Handler.function = staticmethod(_find_function())
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _Server(("", int(os.environ.get("PORT", "8080"))), _Handler).serve_forever()


if __name__ == "__main__":
    main()
