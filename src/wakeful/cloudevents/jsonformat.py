"""The JSON event format of all four versions, and its batch form.

JSON data keeps its bytes: what stood in the document between ``"data":`` and the next member is
what comes out in binary mode, number formats and white space included. So the members are found
one by one instead of being parsed into objects and written anew.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

import orjson

from wakeful.cloudevents.checks import checked, unsupported_version
from wakeful.cloudevents.errors import CloudEventError, Fault, fault
from wakeful.cloudevents.event import (
    VERSIONS,
    AttributeValue,
    Event,
    is_json_type,
    make_event,
    media_type,
)
from wakeful.cloudevents.versions import NAMES

T = TypeVar("T")

_BLANK = re.compile(r"[ \t\n\r]*")
_TEXT_TYPES = re.compile(r"text/.*|.*[/+]xml|application/(javascript|x-www-form-urlencoded|yaml)")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


_PLAIN = r'"([^"\\\x00-\x1f]*)"'
_TEXT_MEMBER = re.compile(rf"[ \t\n\r]*{_PLAIN}[ \t\n\r]*:[ \t\n\r]*{_PLAIN}[ \t\n\r]*([,}}])")
"""A member whose value is a string without escapes, as nearly all are."""

_Found = dict[str, tuple[Any, str]]
"""Members by name: the value, and the text it was written as."""


def _read_members(text: str, start: int) -> tuple[_Found, int]:
    """The members of the object that begins at ``start``, and where it ends."""
    found: _Found = {}
    at = _first(text, start + 1)
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        if plain := _TEXT_MEMBER.match(text, at):
            name, value, closing = plain.groups()
            written, at = f'"{value}"', plain.end()
        else:
            name, value, written, closing, at = _read_member(text, at)
        if name in found:
            raise fault(name, "the JSON object names it twice")
        found[name] = (value, written)
        if closing == "}":
            return found, at


def _read_member(text: str, at: int) -> tuple[str, Any, str, str, int]:
    """Name, value, the value's text, what follows, and the place after that."""
    at = _first(text, at)
    if text[at : at + 1] != '"':
        raise ValueError(f"a member name is expected at character {at}")
    name, at = json.decoder.scanstring(text, at + 1, True)  # type: ignore[attr-defined]
    at = _first(text, at)
    if text[at : at + 1] != ":":
        raise ValueError(f"':' is expected at character {at}")
    begin = _first(text, at + 1)
    value, end = _DECODER.raw_decode(text, begin)
    at = _first(text, end)
    closing = text[at : at + 1]
    if closing not in (",", "}"):
        raise ValueError(f"',' or '}}' is expected at character {at}")
    return name, value, text[begin:end], closing, at + 1


def _text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise fault("body", f"is not valid UTF-8: {error.reason} at byte {error.start}") from None


def _whole(text: str, start: int, read: Callable[[str, int], tuple[T, int]], what: str) -> T:
    """What ``read`` finds at ``start``, provided that it is all there is."""
    try:
        found, end = read(text, start)
    except (ValueError, RecursionError) as error:
        raise fault("body", f"is not valid JSON: {_why(error)}") from None
    if _first(text, end) != len(text):
        raise fault("body", f"is not valid JSON: something follows the {what}")
    return found


def from_json(body: bytes) -> Event:
    """Decode one event of any version.

    Raises:
        CloudEventError: The body is no JSON object, or no valid event.
    """
    text = _text_of(body)
    start = _first(text, 0)
    if text[start : start + 1] != "{":
        raise fault("body", "MUST be a JSON object")
    return _event(_whole(text, start, _read_members, "object"))


def batch_from_json(body: bytes) -> list[Event]:
    """Decode a JSON array of events; ``[]`` is an empty batch.

    Raises:
        CloudEventError: The faults of all events, each with its place in the batch.
    """
    text = _text_of(body)
    at = _first(text, 0)
    if text[at : at + 1] != "[":
        raise fault("body", "MUST be a JSON array of events")
    items = _whole(text, at, _spans, "array")
    events: list[Event] = []
    faults: list[Fault] = []
    for index, item in enumerate(items):
        try:
            events.append(from_json(item.encode()))
        except CloudEventError as error:
            faults += [Fault(f"[{index}].{f.attribute}", f.reason) for f in error.faults]
    if faults:
        raise CloudEventError(*faults)
    return events


def _first(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _spans(text: str, at: int) -> tuple[list[str], int]:
    """The texts of an array's elements, and where the array ends."""
    items: list[str] = []
    at = _first(text, at + 1)
    if text[at : at + 1] == "]":
        return items, at + 1
    while True:
        _, end = _DECODER.raw_decode(text, at)
        items.append(text[at:end])
        at = _first(text, end)
        match text[at : at + 1]:
            case ",":
                at = _first(text, at + 1)
            case "]":
                return items, at + 1
            case _:
                raise ValueError(f"',' or ']' is expected at character {at}")


def _why(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at character {error.pos}"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error)


def _version(found: _Found) -> str:
    for name in ("specversion", "cloudEventsVersion"):
        if name in found:
            version = found[name][0]
            if not isinstance(version, str):
                raise fault("specversion", "MUST be a string")
            if version not in VERSIONS or (name == "cloudEventsVersion") != (version == "0.1"):
                raise CloudEventError(unsupported_version(version))
            return version
    raise fault("specversion", "is missing")


def _event(found: _Found) -> Event:
    version = _version(found)
    names = NAMES[version]
    core: dict[str, str] = {}
    extensions: dict[str, AttributeValue] = {}
    faults: list[Fault] = []
    for name, (value, _) in found.items():
        if value is None or name in ("data", "data_base64"):
            continue
        ours = names.ours.get(name)
        if ours is not None:
            if not isinstance(value, str):
                faults.append(Fault(name, "MUST be a JSON string"))
            elif ours == "eventtypeversion":
                extensions[ours] = value
            else:
                core[ours] = value
        elif version == "0.1":
            if name == "extensions" and isinstance(value, dict):
                extensions |= {key.lower(): item for key, item in value.items()}
            else:
                faults.append(Fault(name, "is no attribute of version 0.1"))
        else:
            extensions[name] = value
    faults += [
        Fault(names.wire[name], "is missing")
        for name in ("id", "source", "type")
        if name not in core
    ]
    try:
        data = _read_data(found, version, core)
    except CloudEventError as error:
        faults += error.faults
        data = None
    return checked(make_event(core, extensions, data), faults)


def _read_data(found: _Found, version: str, core: dict[str, str]) -> bytes | None:
    """The payload's bytes; makes an implied ``application/json`` explicit in ``core``."""
    if "data_base64" in found and version == "1.0":
        value, _ = found["data_base64"]
        if value is None:
            pass
        elif "data" in found:
            raise fault("data_base64", "MUST NOT stand beside data")
        else:
            return _unbase64("data_base64", value)
    if "data" not in found:
        return None
    value, written = found["data"]
    content_type = core.get("datacontenttype")
    if version == "0.3" and core.get("datacontentencoding", "").lower() == "base64":
        del core["datacontentencoding"]
        return _unbase64("data", value)
    if content_type is None or is_json_type(content_type):
        core.setdefault("datacontenttype", "application/json")
        return written.encode()
    if not isinstance(value, str):
        if version == "1.0":
            raise fault("data", f"MUST be a string because its type is {content_type}")
        return written.encode()
    if version in ("0.1", "0.2") and not _TEXT_TYPES.fullmatch(media_type(content_type)):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass  # senders of that time were not strict; then it is text
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise fault("data", "MUST NOT contain a lone surrogate") from None


def _unbase64(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise fault(name, "MUST be a string in base64 (RFC 4648)")


# --- writing --------------------------------------------------------------------------------------


def to_json(event: Event) -> bytes:
    """Encode an event in its own version.

    JSON data is put in byte for byte; text becomes a string; the rest base64.
    """
    names = NAMES[event.specversion]
    members: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in event.attributes().items():
        wire = names.wire.get(name)
        if wire is not None:
            members[wire] = value
        else:
            rest[name] = value
    if rest and event.specversion == "0.1":
        members["extensions"] = rest
    else:
        members.update(rest)
    raw = _write_data(event, members)
    head = orjson.dumps(members)
    return head if raw is None else head[:-1] + b',"data":' + raw + b"}"


def batch_to_json(events: Iterable[Event]) -> bytes:
    """Encode events as a JSON array."""
    return b"[" + b",".join(to_json(event) for event in events) + b"]"


def _write_data(event: Event, members: dict[str, Any]) -> bytes | None:
    """Put the data into ``members``, or return the JSON text to put in as it is."""
    data = event.data
    if data is None:
        return None
    content_type = event.datacontenttype
    if event.datacontentencoding is None and is_json_type(content_type) and _is_json(data):
        return data
    if content_type is not None and not is_json_type(content_type):
        textual = event.specversion not in ("0.1", "0.2") or _TEXT_TYPES.fullmatch(
            media_type(content_type)
        )
        if textual and _is_text(data):
            members["data"] = data.decode()
            return None
    encoded = base64.b64encode(data).decode()
    match event.specversion:
        case "1.0":
            members["data_base64"] = encoded
        case "0.3" if event.datacontentencoding is not None and data.isascii():
            members["data"] = data.decode()  # it is base64 text already
        case "0.3":
            members["data"], members["datacontentencoding"] = encoded, "base64"
        case _:
            members["data"] = encoded
    return None


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
