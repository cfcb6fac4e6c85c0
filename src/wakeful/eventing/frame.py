"""How an event lies in a stream: a line of JSON with everything but the data, then the data.

Without message headers of the bus, which cost more to read than the event itself.
"""

from __future__ import annotations

from typing import Any

import orjson

from wakeful.cloudevents import CloudEventError, Event
from wakeful.cloudevents.errors import fault

ForwardedHeaders = list[tuple[str, str]]
"""Headers of a request that travel with the event: tracing, ``knative-*``."""


def pack(event: Event, forwarded: ForwardedHeaders) -> bytes:
    """The message for an event."""
    data = event.data
    line = orjson.dumps(
        (
            event.specversion,
            event.id,
            event.source,
            event.type,
            event.subject,
            event.time,
            event.datacontenttype,
            event.dataschema,
            event.datacontentencoding,
            event.extensions,
            data is not None,
            forwarded,
        )
    )
    return line + b"\n" + data if data else line + b"\n"


def unpack(message: bytes) -> tuple[Event, ForwardedHeaders]:
    """Read a message back; the event is the caller's alone.

    Raises:
        CloudEventError: It is none of ours.
    """
    end = message.find(b"\n")
    try:
        record: list[Any] = orjson.loads(message[:end])
        version, name, source, kind, subject, time, content, schema, encoding = record[:9]
        extensions, has_data, forwarded = record[9:]
        event = Event(
            id=name,
            source=source,
            type=kind,
            specversion=version,
            subject=subject,
            time=time,
            datacontenttype=content,
            dataschema=schema,
            datacontentencoding=encoding,
            extensions=extensions,
            data=message[end + 1 :] if has_data else None,
        )
    except (ValueError, TypeError) as error:
        raise fault("message", f"is no stored event: {error}") from None
    return event, [(key, value) for key, value in forwarded]


__all__ = ["CloudEventError", "ForwardedHeaders", "pack", "unpack"]
