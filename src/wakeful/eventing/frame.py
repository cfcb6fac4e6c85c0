"""How an event lies in a stream: a line for its attributes, one for headers it came with, its data.

Without message headers of the bus, which cost more to read than the event itself.
"""

from __future__ import annotations

import orjson

from wakeful.cloudevents import HEADER, CloudEventError, Event, from_stored, to_stored

ForwardedHeaders = list[tuple[str, str]]
"""Headers of a request that travel with the event: tracing, ``knative-*``."""


def pack(event: Event, forwarded: ForwardedHeaders) -> bytes:
    """The message for an event."""
    headers, data = to_stored(event)
    return b"%b\n%b\n%b" % (headers[HEADER].encode(), orjson.dumps(forwarded), data)


def unpack(message: bytes) -> tuple[Event, ForwardedHeaders]:
    """Read a message back.

    Raises:
        CloudEventError: It is none of ours.
    """
    first = message.find(b"\n")
    second = message.find(b"\n", first + 1)
    if first < 0 or second < 0:
        return from_stored(None, message), []
    event = from_stored({HEADER: message[:first].decode()}, message[second + 1 :])
    forwarded = message[first + 1 : second]
    return event, [] if forwarded == b"[]" else [(k, v) for k, v in orjson.loads(forwarded)]


__all__ = ["CloudEventError", "ForwardedHeaders", "pack", "unpack"]
