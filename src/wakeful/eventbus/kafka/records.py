"""CloudEvents in Kafka records, by the Kafka protocol binding of CloudEvents 1.0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wakeful.cloudevents import (
    AttributeValue,
    CloudEventError,
    Event,
    canonical_string,
    checked,
    from_json,
    to_json,
)
from wakeful.cloudevents.event import CORE_ATTRIBUTES
from wakeful.cloudevents.versions import NAMES

Headers = Sequence[tuple[str, bytes]]

_PREFIX, _CONTENT_TYPE = "ce_", "content-type"
_STRUCTURED = "application/cloudevents"
STRUCTURED_TYPE = f"{_STRUCTURED}+json; charset=UTF-8"
_BINARY_VERSIONS = ("0.3", "1.0")
"""Older versions quote values in a way of their own; they travel structured."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic. A value of None is a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=tuple)

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case; None when there is none."""
        found = next((value for key, value in self.headers if key.lower() == name), None)
        return None if found is None else found.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class NewRecord:
    """What to write."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def to_record(event: Event, *, structured: bool = False) -> NewRecord:
    """Write an event; its extension ``partitionkey`` becomes the key."""
    partition_key = event.extensions.get("partitionkey")
    key = None if partition_key is None else canonical_string(partition_key).encode()
    if structured or event.specversion not in _BINARY_VERSIONS or event.datacontentencoding:
        return NewRecord(key, to_json(event), ((_CONTENT_TYPE, STRUCTURED_TYPE.encode()),))
    names = NAMES[event.specversion].wire
    headers: list[tuple[str, bytes]] = []
    for name, value in event.attributes().items():
        text = canonical_string(value).encode()
        if name == "datacontenttype":
            headers.append((_CONTENT_TYPE, text))
        else:
            headers.append((_PREFIX + names.get(name, name), text))
    return NewRecord(key, event.data, headers)


def from_record(record: Record) -> Event | None:
    """Read an event; None for a record that is none, or not a valid one."""
    try:
        content_type = (record.header(_CONTENT_TYPE) or "").strip()
        if content_type.lower().startswith(_STRUCTURED):
            return from_json(record.value or b"")
        if record.header(f"{_PREFIX}specversion") is None:
            return None
        return checked(_from_binary(record, content_type))
    except (CloudEventError, UnicodeDecodeError):
        return None


def _from_binary(record: Record, content_type: str) -> Event:
    values: dict[str, str] = {}
    for name, value in record.headers:
        if name.lower().startswith(_PREFIX):
            values[name.lower().removeprefix(_PREFIX)] = value.decode()
    version = values.get("specversion", "")
    ours = NAMES[version].from_header if version in _BINARY_VERSIONS else {}
    core: dict[str, str | None] = {"id": "", "source": "", "type": "", "specversion": version}
    extensions: dict[str, AttributeValue] = {}
    for name, text in values.items():
        name = ours.get(name, name)
        if name in CORE_ATTRIBUTES:
            core[name] = text
        else:
            extensions[name] = text
    core["datacontenttype"] = content_type or None
    return Event(**core, extensions=extensions, data=record.value)  # type: ignore[arg-type]
