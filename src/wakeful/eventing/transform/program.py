"""Answers events with what a JSONata expression makes of them.

Environment: JSONATA_EXPRESSION; K_SINK (send the result there), JSONATA_REPLY_EXPRESSION (what to
make of the sink's answer), JSONATA_DISCARD_REPLY; JSONATA_TIMEOUT_MS (5000 unless set).
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import threading
import urllib.parse

from wakeful.eventing.samples.httpd import Request, Response, serve
from wakeful.eventing.samples.messages import Event, NoEventError, read_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EVENT_TYPE = "application/cloudevents+json"
_MAX_DEPTH = 500
_SINK_SECONDS = 60.0
_HEADERS_OF_TRACES = ("traceparent", "tracestate", "baggage")


class TransformError(Exception):
    """The event cannot be transformed; the sender is told why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Expression:
    """One expression, evaluated by one thread at a time."""

    def __init__(self, text: str, timeout_ms: int) -> None:
        from jsonata import Jsonata

        self._jsonata = Jsonata(text)
        self._timeout_ms = timeout_ms
        self._lock = threading.Lock()

    def evaluate(self, document: Any) -> Any:
        """The result; None when there is none.

        Raises:
            TransformError: It failed, or took too long.
        """
        from jsonata import JException

        with self._lock:
            try:
                bounds = self._jsonata.create_frame()
                bounds.set_runtime_bounds(self._timeout_ms, _MAX_DEPTH)
                return self._jsonata.evaluate(document, bounds)
            except (JException, RecursionError, TypeError, ValueError) as error:
                raise TransformError(500, f"the expression failed: {error}") from None


def read_document(headers: dict[str, str], body: bytes) -> Any:
    """What an expression sees: the event in its JSON form, or any other JSON as it is.

    Raises:
        TransformError: It is a batch, or no JSON at all.
    """
    if headers.get("content-type", "").lower().startswith("application/cloudevents-batch"):
        raise TransformError(400, "batches of events are not supported")
    try:
        return _as_json(read_event(headers, body))
    except NoEventError as error:
        if headers.get("content-type", "").lower().startswith(_EVENT_TYPE):
            raise TransformError(400, str(error)) from None
    try:
        return json.loads(body or b"null")
    except ValueError as error:
        raise TransformError(400, f"the body is neither an event nor JSON: {error}") from None


def _as_json(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = {**event.attributes}
    if event.version == "0.1":
        document["extensions"] = event.extensions
    else:
        document |= event.extensions
    if event.data is None:
        return document
    media = event.content_type.partition(";")[0].strip().lower()
    if (media.endswith(("/json", "+json")) or not media) and not event.is_binary:
        try:
            document["data"] = json.loads(event.data)
        except ValueError:
            pass
        else:
            return document
    try:
        document["data"] = event.data.decode()
    except UnicodeDecodeError:
        document["data_base64"] = base64.b64encode(event.data).decode()
    return document


def write_result(result: Any) -> tuple[str, bytes]:
    """Content type and body; nothing at all for no result, which ends the event's way."""
    if result is None:
        return "", b""
    content_type = "application/json"
    if isinstance(result, dict):
        if isinstance(result.get("contenttype"), str):
            content_type = result["contenttype"]
        elif "specversion" in result:
            content_type = _EVENT_TYPE
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"), default=str)
    return content_type, text.encode()


class Sink:
    """Where results are sent."""

    def __init__(self, url: str) -> None:
        self._url = urllib.parse.urlsplit(url)

    def send(self, headers: dict[str, str], body: bytes) -> Response:
        """POST, and return the answer.

        Raises:
            TransformError: The sink cannot be reached.
        """
        url = self._url
        secure = url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=_SINK_SECONDS)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, answer.read(), names)
        except (OSError, http.client.HTTPException) as error:
            raise TransformError(502, f"the sink cannot be reached: {error}") from None
        finally:
            connection.close()


class Transformer:
    """The whole of it, for one EventTransform."""

    def __init__(
        self,
        expression: Expression,
        sink: Sink | None,
        reply: Expression | None,
        *,
        discard: bool = False,
    ) -> None:
        self._expression, self._sink, self._reply = expression, sink, reply
        self._discard = discard

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.method == "GET" and request.path in ("/healthz", "/readyz"):
            return Response(200, b"READY" if request.path == "/readyz" else b"OK")
        if request.method != "POST":
            return Response(405, b"", {"allow": "POST"})
        try:
            return self._transform(request)
        except TransformError as error:
            reason = str(error).replace("\r", " ").replace("\n", " ")
            sys.stderr.write(reason + "\n")
            header = reason.encode("ascii", "replace").decode()[:1000]
            return Response(error.status, b"", {"reason": header})

    def _transform(self, request: Request) -> Response:
        document = read_document(request.headers, request.body)
        content_type, body = write_result(self._expression.evaluate(document))
        if self._sink is None or not body:
            return _answer(content_type, body)
        headers = {"content-type": content_type}
        for name in _HEADERS_OF_TRACES:
            if name in request.headers:
                headers[name] = request.headers[name]
        answer = self._sink.send(headers, body)
        if self._discard:
            return Response(answer.status)
        if self._reply is not None and answer.body and 200 <= answer.status < 300:
            return _answer(
                *write_result(self._reply.evaluate(read_document(answer.headers, answer.body)))
            )
        kept = {
            n: v for n, v in answer.headers.items() if n == "content-type" or n.startswith("ce-")
        }
        return Response(answer.status, answer.body, kept)


def _answer(content_type: str, body: bytes) -> Response:
    return Response(200, body, {"content-type": content_type} if body else {})


def make_transformer(environment: dict[str, str]) -> Transformer:
    """Read the environment; expressions that cannot be read raise what the library raises."""
    timeout_ms = int(environment.get("JSONATA_TIMEOUT_MS") or "5000")
    reply = environment.get("JSONATA_REPLY_EXPRESSION")
    sink = environment.get("K_SINK")
    return Transformer(
        Expression(environment.get("JSONATA_EXPRESSION", ""), timeout_ms),
        Sink(sink) if sink else None,
        Expression(reply, timeout_ms) if reply else None,
        discard=environment.get("JSONATA_DISCARD_REPLY") == "true",
    )


def main() -> None:
    """Run until told to end."""
    serve(make_transformer(dict(os.environ)).handle)
