"""Records of Kafka as events. Pure."""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from wakeful.cloudevents import Event, event_time
from wakeful.cloudevents.checks import check_string
from wakeful.cloudevents.event import AttributeValue
from wakeful.eventbus.kafka.records import Record, from_record

KAFKA_TYPE = "dev.knative.kafka.event"
_LARGEST_INTEGER = 2**31 - 1
_NOT_ALLOWED = re.compile("[^a-z0-9]")


class KeyType(StrEnum):
    """How keys are to be read."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BYTES = "byte-array"


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one source makes events."""

    source: str
    """The path of the KafkaSource; ``#TOPIC`` is added."""
    key_type: KeyType = KeyType.STRING
    legacy: bool = False
    """As in 2019: version 0.3, JSON, no subject, and ``key`` as the only extension."""
    overrides: dict[str, str] = field(default_factory=dict)


def to_event(record: Record, how: Conversion) -> Event:
    """The event of a record.

    One that is a valid CloudEvent already stays what it is, but for where it was read from and the
    source's overrides.
    """
    event = from_record(record)
    if event is None:
        event = _make_legacy(record, how) if how.legacy else _make(record, how)
    if not how.legacy:
        event = event.with_extensions(
            {
                "knativekafkapartition": _integer(record.partition),
                "knativekafkaoffset": _integer(record.offset),
            }
        )
    return event.with_extensions(how.overrides) if how.overrides else event


def _make(record: Record, how: Conversion) -> Event:
    extensions: dict[str, AttributeValue] = {}
    content_type: str | None = None
    for name, value in record.headers:
        if name.lower() == "content-type":
            content_type = value.decode(errors="replace").lower() or None
            continue
        short = _NOT_ALLOWED.sub("", name.lower())
        extensions[f"kafkaheader{short}"] = _text(value)
    if record.key is not None:
        key = read_key(record.key, how.key_type)
        extensions |= {"partitionkey": key, "key": key}
    event = _base(record, how)
    return replace(
        event,
        subject=f"partition:{record.partition}#{record.offset}",
        datacontenttype=content_type,
        extensions={name: value for name, value in extensions.items() if value != ""},
    )


def _make_legacy(record: Record, how: Conversion) -> Event:
    event = _base(record, how)
    declared = record.header("content-type")
    content_type = "application/json" if _is_json(record.value) else declared or None
    key = read_key(record.key, how.key_type) if record.key else None
    extensions: dict[str, AttributeValue] = {} if key is None else {"key": key}
    return replace(event, specversion="0.3", datacontenttype=content_type, extensions=extensions)


def _base(record: Record, how: Conversion) -> Event:
    moment = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    return Event(
        id=f"partition:{record.partition}/offset:{record.offset}",
        source=f"{how.source}#{record.topic}",
        type=KAFKA_TYPE,
        time=event_time(moment, "milliseconds"),
        data=record.value,
    )


def read_key(key: bytes, kind: KeyType) -> AttributeValue:
    """The value of a key; bytes that are not what they were said to be count as text."""
    if kind is KeyType.BYTES:
        return base64.b64encode(key).decode()
    if kind is KeyType.INT and len(key) == 4:
        return int(_unpack(">i", key))
    if kind is KeyType.FLOAT and len(key) in (4, 8):
        return repr(_unpack(">f" if len(key) == 4 else ">d", key))
    return _text(key)


def _unpack(layout: str, data: bytes) -> Any:
    return struct.unpack(layout, data)[0]


def _text(data: bytes) -> str:
    """UTF-8 text that an attribute may hold; base64 of anything else."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()
    return text if check_string(text) is None else base64.b64encode(data).decode()


def _integer(value: int) -> AttributeValue:
    """Integers of CloudEvents have 32 bits; larger ones travel as text."""
    return value if value <= _LARGEST_INTEGER else str(value)


def _is_json(value: bytes | None) -> bool:
    try:
        orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return False
    return True
