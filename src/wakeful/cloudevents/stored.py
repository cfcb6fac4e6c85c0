"""How an event lies in the event bus: one header with everything but the data, and the data.

The header is ASCII JSON, so it survives every store and reads back in one step; data stays byte for
byte. Unlike the NATS binding it keeps the types of extensions and tells no data from empty data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from wakeful.cloudevents.errors import fault
from wakeful.cloudevents.event import Event

HEADER = "Wakeful-Event"

_FIELDS = ("subject", "time", "datacontenttype", "dataschema", "datacontentencoding")
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def to_stored(event: Event) -> tuple[dict[str, str], bytes]:
    """Headers and body to publish."""
    record: dict[str, Any] = {
        "specversion": event.specversion,
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    for name in _FIELDS:
        value = getattr(event, name)
        if value is not None:
            record[name] = value
    if event.extensions:
        record["extensions"] = dict(event.extensions)
    if event.data == b"":
        record["empty"] = True
    return {HEADER: _encode(record)}, event.data or b""


def from_stored(headers: Mapping[str, str] | None, body: bytes) -> Event:
    """Read back what :func:`to_stored` wrote; it was checked before, so it is not checked again.

    Raises:
        CloudEventError: Somebody else wrote this message.
    """
    text = (headers or {}).get(HEADER)
    if text is None:
        raise fault(HEADER, "the header is missing")
    try:
        record = orjson.loads(text)
        empty = record.pop("empty", False)
        return Event(**record, data=body if body or empty else None)
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise fault(HEADER, f"the header is damaged: {error}") from None
