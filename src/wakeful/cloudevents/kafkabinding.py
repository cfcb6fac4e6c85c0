"""The Kafka binding: headers ``ce_NAME`` in plain UTF-8, or the JSON format as the record's value.

Versions 0.3 and 1.0; older ones never had this binding, so they are written structured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.cloudevents.checks import checked, unsupported_version
from wakeful.cloudevents.errors import CloudEventError, Fault, UnsupportedFormatError, fault
from wakeful.cloudevents.event import AttributeValue, Event, canonical_string, make_event
from wakeful.cloudevents.httpbinding import JSON_TYPE, Mode
from wakeful.cloudevents.jsonformat import from_json, to_json
from wakeful.cloudevents.versions import NAMES

RecordHeaders = Sequence[tuple[str, bytes]]

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"


def record_mode(headers: RecordHeaders) -> Mode | None:
    """Whether a record says it is an event, and how; None when it is some other record."""
    names = {name.lower(): value for name, value in headers}
    if names.get(_CONTENT_TYPE, b"").lower().startswith(b"application/cloudevents"):
        return Mode.STRUCTURED
    return Mode.BINARY if "ce_specversion" in names else None


def from_kafka(headers: RecordHeaders, value: bytes | None) -> Event:
    """Decode a record.

    Raises:
        CloudEventError: It is no valid event.
    """
    if record_mode(headers) is Mode.STRUCTURED:
        content_type = next(v for n, v in headers if n.lower() == _CONTENT_TYPE).decode("latin-1")
        if content_type.partition(";")[0].strip().lower() != JSON_TYPE:
            raise UnsupportedFormatError(
                Fault("content-type", f'the format "{content_type}" is not supported')
            )
        return from_json(value or b"")
    return _from_binary(headers, value)


def _from_binary(headers: RecordHeaders, value: bytes | None) -> Event:
    fields: dict[str, str] = {}
    for name, raw in headers:
        key = name.lower()
        if key == _CONTENT_TYPE or key.startswith(_PREFIX):
            key = "datacontenttype" if key == _CONTENT_TYPE else key.removeprefix(_PREFIX)
            try:
                fields[key] = raw.decode()
            except UnicodeDecodeError:
                raise fault(key, "the header MUST be valid UTF-8") from None
    version = fields.get("specversion")
    if version is None:
        raise fault("specversion", "the header ce_specversion is missing")
    if version not in ("0.3", "1.0"):
        raise CloudEventError(unsupported_version(version))
    ours = NAMES[version].ours
    core: dict[str, str] = {}
    extensions: dict[str, AttributeValue] = {}
    for name, text in fields.items():
        if name in ours:
            core[ours[name]] = text
        else:
            extensions[name] = text
    missing = [
        Fault(name, f"the header ce_{name} is missing")
        for name in ("id", "source", "type")
        if name not in core
    ]
    return checked(make_event(core, extensions, value), missing)


def to_kafka(
    event: Event, mode: Mode = Mode.BINARY
) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """Encode an event as a record's headers and value; no data in binary mode is a null value."""
    if mode is not Mode.BINARY or event.specversion not in ("0.3", "1.0"):
        return [(_CONTENT_TYPE, f"{JSON_TYPE}; charset=utf-8".encode())], to_json(event)
    return list(_binary_headers(event)), event.data


def _binary_headers(event: Event) -> Iterable[tuple[str, bytes]]:
    wire = NAMES[event.specversion].wire
    for name, value in event.attributes().items():
        text = canonical_string(value).encode()
        if name == "datacontenttype":
            yield _CONTENT_TYPE, text
        else:
            yield _PREFIX + wire.get(name, name), text
