"""event-display: prints every event it is sent.

Environment: LAYOUT (``2019-03``, ``2019-04`` or ``today``), GREETING (printed before each event),
PORT.
"""

from __future__ import annotations

import os
import sys
import threading

from wakeful.eventing.samples.httpd import Request, Response, serve
from wakeful.eventing.samples.layouts import LAYOUTS
from wakeful.eventing.samples.messages import NoEventError, read_event

_lock = threading.Lock()


def handle(request: Request) -> Response:
    """Print the event; 202 without an answer, 400 if it is none."""
    if request.path == "/healthz":
        return Response(204)
    if request.method != "POST":
        return Response(405, b"only POST is accepted\n", {"allow": "POST"})
    layout = os.environ.get("LAYOUT") or "today"
    try:
        event = read_event(request.headers, request.body)
    except NoEventError as error:
        return Response(400, f"{error}\n".encode())
    if layout == "today" and (faults := event.faults()):
        return Response(400, ("\n".join(faults) + "\n").encode())
    greeting = os.environ.get("GREETING")
    text = LAYOUTS[layout](event, request)
    with _lock:
        sys.stdout.write(f"{greeting}\n{text}" if greeting else text)
        sys.stdout.flush()
    return Response(202)


def main() -> None:
    """Run until told to end."""
    layout = os.environ.get("LAYOUT") or "today"
    if layout not in LAYOUTS:
        sys.exit(f'LAYOUT is "{layout}", it must be one of {", ".join(LAYOUTS)}')
    serve(handle)
