"""heartbeats: sends an event every few seconds to wherever K_SINK says.

Flags as upstream's: label, period (``5`` or ``500ms``), msg, eventType, eventSource, sink; with one
dash or two. Environment: K_SINK, K_CE_OVERRIDES, POD_NAME, POD_NAMESPACE, ONE_SHOT.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import sys
import threading
import urllib.parse
import uuid

from wakeful.eventing.samples.messages import Event, write_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_flags(arguments: list[str]) -> dict[str, str]:
    """``--name=value`` and ``-name value`` as Go's flag package reads them."""
    flags: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.lstrip("-").partition("=")
        flags[name] = value if equals else next(rest, "")
    return flags


def parse_period(text: str) -> float:
    """Seconds of ``5``, ``5s``, ``1m30s`` or ``500ms``.

    Raises:
        ValueError: It is no duration.
    """
    if text.isdigit():
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(a + b for a, b in parts) != text:
        raise ValueError(f'"{text}" is no duration')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def make_beat(number: int, flags: dict[str, str], overrides: dict[str, Any]) -> Event:
    """One heartbeat."""
    where = f"{os.environ.get('POD_NAMESPACE', '')}/{os.environ.get('POD_NAME', '')}"
    source = flags.get("eventSource") or (
        f"https://knative.dev/eventing-contrib/cmd/heartbeats/#{where}"
    )
    data = {"id": number, "label": flags.get("label", "").strip('"')}
    if flags.get("msg"):
        data["msg"] = flags["msg"]
    return Event(
        "1.0",
        {
            "specversion": "1.0",
            "type": flags.get("eventType") or "dev.knative.eventing.samples.heartbeat",
            "source": source,
            "id": str(uuid.uuid4()),
            "datacontenttype": "application/json",
        },
        {"the": 42, "heart": "yes", "beats": True, **overrides},
        json.dumps(data, separators=(",", ":")).encode(),
    )


def send(sink: str, event: Event) -> int:
    """POST the event; the answer's status."""
    url = urllib.parse.urlsplit(sink)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=10)
    try:
        headers, body = write_event(event)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> None:
    """Beat until told to end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    flags = parse_flags(sys.argv[1:])
    sink = os.environ.get("K_SINK") or flags.get("sink", "")
    if not sink:
        sys.exit("K_SINK is not set, and there is no flag --sink")
    period = parse_period(flags.get("period") or "5s")
    overrides = json.loads(os.environ.get("K_CE_OVERRIDES") or "{}").get("extensions") or {}
    number = 0
    while True:
        number += 1
        sys.stdout.write(f"sending cloudevent to {sink}\n")
        try:
            status = send(sink, make_beat(number, flags, overrides))
            if not 200 <= status < 300:
                sys.stdout.write(f"failed to send cloudevent: {status}\n")
        except OSError as error:
            sys.stdout.write(f"failed to send cloudevent: {error}\n")
        if os.environ.get("ONE_SHOT", "").lower() in ("1", "true"):
            return
        threading.Event().wait(period)
