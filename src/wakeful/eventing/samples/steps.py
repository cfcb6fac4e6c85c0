"""Steps of Sequences: the book's transformer, and the appender of Knative's documentation.

Both take ``{"id": number, "message": text}`` and answer an event with a longer message. The
transformer (environment: STEP) prints what it got; the appender (MESSAGE, TYPE) keeps the event's
attributes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from wakeful.eventing.samples.httpd import Request, Response, serve
from wakeful.eventing.samples.layouts import attributes
from wakeful.eventing.samples.messages import (
    ATTRIBUTES,
    Event,
    NoEventError,
    read_event,
    write_event,
)

_lock = threading.Lock()


def _say(text: str) -> None:
    with _lock:
        sys.stdout.write(text)
        sys.stdout.flush()


def _read(request: Request) -> tuple[Event, int, str]:
    event = read_event(request.headers, request.body)
    try:
        data = event.json()
        return event, int(data.get("id") or 0), str(data.get("message") or "")
    except (ValueError, AttributeError, TypeError) as error:
        raise NoEventError(f"the data is no object with id and message: {error}") from None


def _payload(number: int, message: str) -> bytes:
    return json.dumps(
        {"id": number, "message": message}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def transform(request: Request) -> Response:
    """Print the event, answer one that says who handled it."""
    if request.method != "POST":
        return Response(405, b"only POST is accepted\n", {"allow": "POST"})
    try:
        event, number, message = _read(request)
    except NoEventError as error:
        return Response(400, f"{error}\n".encode())
    step = os.environ.get("STEP", "")
    host = request.headers.get("host", "")
    _say(
        f"Got Event Context: {attributes(event)}\n"
        f"Got Data: &{{Sequence:{number} Message:{message}}}\n"
        f"Got Transport Context: Transport Context,\n  URI: {request.target}\n  Host: {host}\n"
        f"  Method: {request.method}\n\n" + "-" * 28 + "\n"
    )
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e9):09d}Z"
    answer = Event(
        "0.1",  # what the SDK of 2019 wrote unless told otherwise
        {
            "cloudEventsVersion": "0.1",
            "eventType": "samples.http.mod3",
            "source": f"/transformer/{step}",
            "eventID": event.get("id"),
            "eventTime": stamp,
            "contentType": "application/json",
        },
        {},
        _payload(number, f"{message} - Handled by {step}"),
    )
    headers, body = write_event(answer)
    return Response(200, body, headers)


def append(request: Request) -> Response:
    """Answer the event with a longer message."""
    try:
        event, number, message = _read(request)
    except NoEventError as error:
        return Response(400, f"{error}\n".encode())
    said = f"{event.get('source')} {event.get('type')}"
    _say(f"Received a new event: \n[{event.get('time')}] {said}: {number} {message}\n")
    default = "boring default msg, change me with env[MESSAGE]"
    event.data = _payload(number, message + os.environ.get("MESSAGE", default))
    event.attributes[ATTRIBUTES[event.version][-1]] = "application/json"
    if kind := os.environ.get("TYPE"):
        event.attributes["eventType" if event.version == "0.1" else "type"] = kind
    headers, body = write_event(event)
    return Response(200, body, headers)


def main() -> None:
    """Run the one that the first argument names, until told to end."""
    serve(append if "append" in sys.argv[1:] else transform)
