"""Records of topics, and the events in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wakeful.cloudevents import CloudEventError, Event, Mode, canonical_string
from wakeful.cloudevents.kafkabinding import from_kafka, record_mode, to_kafka

Headers = Sequence[tuple[str, bytes]]


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
    headers, value = to_kafka(event, Mode.STRUCTURED if structured else Mode.BINARY)
    return NewRecord(key, value, headers)


def from_record(record: Record) -> Event | None:
    """Read an event; None for a record that is none, or not a valid one."""
    if record_mode(record.headers) is None:
        return None
    try:
        return from_kafka(record.headers, record.value)
    except CloudEventError:
        return None
