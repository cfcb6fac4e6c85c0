"""The HTTP binding: binary, structured and batched mode, for requests and answers alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from wakeful.cloudevents import headervalues
from wakeful.cloudevents.checks import checked, unsupported_version
from wakeful.cloudevents.errors import CloudEventError, Fault, UnsupportedFormatError, fault
from wakeful.cloudevents.event import VERSIONS, AttributeValue, Event, canonical_string, make_event
from wakeful.cloudevents.jsonformat import batch_from_json, batch_to_json, from_json, to_json
from wakeful.cloudevents.versions import NAMES, Names

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

JSON_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
_PREFIX = "ce-"


class Mode(StrEnum):
    """How an event lies in a message."""

    BINARY = "binary"
    STRUCTURED = "structured"
    BATCH = "batch"


def content_mode(headers: Headers) -> Mode | None:
    """What the headers announce; None when nothing says that the message is an event."""
    content_type, fields = _split(headers)
    mode = _declared(content_type)
    if mode is None and fields.keys() & {"specversion", "cloudeventsversion"}:
        return Mode.BINARY
    return mode


def from_http(headers: Headers, body: bytes) -> Event:
    """Decode the one event of a binary or structured message.

    ``headers`` may be a multi-dict or pairs; other headers than the event's are ignored.

    Raises:
        UnsupportedFormatError: Structured in another format than JSON, or a batch.
        CloudEventError: It is no valid event; the error names each fault.
    """
    content_type, fields = _split(headers)
    match _declared(content_type):
        case Mode.BATCH:
            raise UnsupportedFormatError(
                Fault("content-type", "a batch of events is not accepted here")
            )
        case Mode.STRUCTURED:
            _check_format(content_type, JSON_TYPE)
            return from_json(body)
        case _:
            return _from_binary(content_type, fields, body)


def batch_from_http(headers: Headers, body: bytes) -> list[Event]:
    """Decode a message of any mode into its events; a batch may be empty.

    Raises:
        CloudEventError: As :func:`from_http`; nothing is returned if one event of many is at fault.
    """
    pairs = _pairs(headers)
    content_type, _ = _split(pairs)
    if _declared(content_type) is Mode.BATCH:
        _check_format(content_type, BATCH_TYPE)
        return batch_from_json(body)
    return [from_http(pairs, body)]


def to_http(event: Event, mode: Mode = Mode.BINARY) -> tuple[dict[str, str], bytes]:
    """Encode an event as headers and body, in its own version."""
    match mode:
        case Mode.BINARY:
            return _to_binary(event), event.data or b""
        case Mode.STRUCTURED:
            return {"content-type": f"{JSON_TYPE}; charset=utf-8"}, to_json(event)
        case Mode.BATCH:
            return batch_to_http([event])


def batch_to_http(events: Sequence[Event]) -> tuple[dict[str, str], bytes]:
    """Encode events as one batched message; only for receivers who asked for batches."""
    return {"content-type": f"{BATCH_TYPE}; charset=utf-8"}, batch_to_json(events)


# --- reading --------------------------------------------------------------------------------------


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def _split(headers: Headers) -> tuple[str, dict[str, str]]:
    """The content type, and the event's headers by lower-case name without ``ce-``."""
    content_type = ""
    fields: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        key = name.lower()
        if key.startswith(_PREFIX):
            key = key[3:]
            if key in fields:
                raise fault(key, "the header is given more than once")
            fields[key] = value
        elif key == "content-type":
            content_type = value
    return content_type, fields


def _declared(content_type: str) -> Mode | None:
    lower = content_type[:32].lower()
    if not lower.startswith("application/cloudevents"):
        return None
    return Mode.BATCH if lower.startswith("application/cloudevents-batch") else Mode.STRUCTURED


def _check_format(content_type: str, expected: str) -> None:
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() != expected:
        raise UnsupportedFormatError(
            Fault("content-type", f'the format "{media.strip()}" is not supported, {expected} is')
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedFormatError(
                Fault("content-type", f'the charset "{charset}" is not supported, utf-8 is')
            )


def _binary_version(fields: dict[str, str]) -> str:
    for name in ("specversion", "cloudeventsversion"):
        if name in fields:
            version = fields.pop(name)
            if version not in NAMES:
                version = headervalues.decode_value("specversion", version.strip())
            if version not in VERSIONS or (name == "cloudeventsversion") != (version == "0.1"):
                raise CloudEventError(unsupported_version(version))
            return version
    raise fault("specversion", "the header ce-specversion is missing")


_PLAIN = {
    version: {name: ours for name, ours in names.from_header.items() if ours != "datacontenttype"}
    for version, names in NAMES.items()
    if not names.quoted
}
"""Attributes whose headers are read as they are unless they have quotes or escapes."""


def _from_binary(content_type: str, fields: dict[str, str], body: bytes) -> Event:
    version = _binary_version(fields)
    names = NAMES[version]
    core: dict[str, str] = {"specversion": version}
    extensions: dict[str, AttributeValue] = {}
    faults: list[Fault] = []
    plain = _PLAIN.get(version, {})
    for name, text in fields.items():
        ours = plain.get(name)
        if ours is not None and "%" not in text and text[:1] != '"' and text.isascii():
            core[ours] = text  # as nearly always
            continue
        try:
            _read_header(names, name, text, core, extensions)
        except CloudEventError as error:
            faults += error.faults
    for name in ("id", "source", "type"):
        if name not in core and not any(fault.attribute == name for fault in faults):
            faults.append(Fault(name, f"the header ce-{names.wire[name].lower()} is missing"))
    if content_type:
        core["datacontenttype"] = content_type
    return checked(make_event(core, extensions, body or None), faults)


def _read_header(
    names: Names,
    name: str,
    text: str,
    core: dict[str, str],
    extensions: dict[str, AttributeValue],
) -> None:
    ours = names.from_header.get(name)
    if ours == "datacontenttype":
        raise fault(ours, f"the header ce-{name} MUST NOT be present, Content-Type says it")
    if ours is not None and ours != "eventtypeversion":
        core[ours] = (
            str(headervalues.decode_json_value(ours, text, extension=False))
            if names.quoted
            else headervalues.decode_value(ours, text)
        )
    elif not names.quoted:
        if names is NAMES["1.0"] or "-" not in name:
            extensions[name] = headervalues.decode_value(name, text)
        else:
            _unflatten(extensions, name, headervalues.decode_value(name, text))
    elif names is NAMES["0.1"] and ours is None and not name.startswith("x-"):
        raise fault(name, "is no attribute of version 0.1; extensions start with CE-X-")
    else:
        name = ours or (name.removeprefix("x-") if names is NAMES["0.1"] else name)
        _unflatten(extensions, name, headervalues.decode_json_value(name, text, extension=True))


def _unflatten(extensions: dict[str, AttributeValue], name: str, value: Any) -> None:
    """``ce-map-key`` of older versions is the entry ``key`` of the map ``map``."""
    first, dash, rest = name.partition("-")
    if not dash:
        extensions[name] = value
        return
    inner = extensions.setdefault(first, {})
    if not isinstance(inner, dict):
        raise fault(first, "is both a value and a map")
    inner[rest] = value


# --- writing --------------------------------------------------------------------------------------


def _to_binary(event: Event) -> dict[str, str]:
    names = NAMES[event.specversion]
    headers: dict[str, str] = {}
    for name, value in event.attributes().items():
        wire = names.wire.get(name)
        if name == "datacontenttype":
            headers["content-type"] = str(value)
        elif not names.quoted:
            for key, item in _flatten(wire or name, value):
                headers[f"ce-{key}"] = headervalues.encode_value(canonical_string(item))
        elif wire is not None:
            headers[f"ce-{wire.lower()}"] = headervalues.encode_json_value(value, extension=False)
        else:
            prefix = "ce-x-" if event.specversion == "0.1" else _PREFIX
            for key, item in _flatten(name, value):
                headers[prefix + key] = headervalues.encode_json_value(item, extension=True)
    return headers


def _flatten(name: str, value: AttributeValue) -> Iterable[tuple[str, AttributeValue]]:
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for key, item in value.items() for pair in _flatten(f"{name}-{key}", item)]
