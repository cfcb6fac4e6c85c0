"""The rules of the specification for names and values, each answering with a reason or None.

Source: the type system and the attribute sections of the CloudEvents 1.0 specification, RFC 3986
for URIs, RFC 3339 for times, RFC 2045/2046 for media types.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from wakeful.cloudevents.errors import CloudEventError, Fault
from wakeful.cloudevents.event import VERSIONS, Event
from wakeful.cloudevents.versions import NAMES

MIN_INTEGER, MAX_INTEGER = -(2**31), 2**31 - 1

_RESERVED = {
    version: (frozenset(names.ours) | {n for n, wire in names.wire.items() if n != wire})
    - {"eventtypeversion"}
    for version, names in NAMES.items()
}
"""The names a version gives to its attributes, and ours where they differ."""

_NAME = re.compile(r"[a-z0-9]+")
_DISALLOWED = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)

_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})"
_AUTHORITY = r"(?://(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]]|%[0-9A-Fa-f]{2})*(?=[/?#]|\Z))?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*:"
_TAIL = rf"{_AUTHORITY}{_PCHAR}*(?:\?(?:{_PCHAR}|\?)*)?(?:\#(?:{_PCHAR}|\?)*)?"
_ABSOLUTE_URI = re.compile(_SCHEME + _TAIL)
_URI_REFERENCE = re.compile(rf"(?:{_SCHEME}|(?![^/?\#]*:)){_TAIL}")

_TIME = re.compile(
    r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
    r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_MEDIA_TYPE = re.compile(
    rf"{_WORD}/{_WORD}(?:[ \t]*;[ \t]*(?:{_WORD}=(?:{_WORD}|\"(?:[^\"\\]|\\.)*\"))?)*[ \t]*"
)


@lru_cache(maxsize=1024)  # senders say the same again and again
def check_name(name: str) -> str | None:
    """An attribute's name: lower-case letters and digits, not ``data``."""
    if not name:
        return "an attribute name MUST have at least one character"
    if not _NAME.fullmatch(name):
        return "an attribute name MUST consist of lower-case letters a-z and digits 0-9"
    return "the name is reserved" if name == "data" else None


def check_string(value: str) -> str | None:
    """A String: no control characters, surrogates or noncharacters."""
    if value.isascii() and value.isprintable():
        return None
    if found := _DISALLOWED.search(value):
        return f"MUST NOT contain the character U+{ord(found.group()):04X}"
    return None


_LONGEST_REMEMBERED = 256
"""Senders say the same again and again, so answers are remembered; not about texts of any length,
which would be a way to fill the memory."""


def check_uri_reference(value: str) -> str | None:
    """A URI-reference of RFC 3986."""
    fine = _is_uri_reference if len(value) <= _LONGEST_REMEMBERED else _URI_REFERENCE.fullmatch
    return None if fine(value) else "MUST be a valid URI-reference (RFC 3986)"


@lru_cache(maxsize=1024)
def _is_uri_reference(value: str) -> bool:
    return _URI_REFERENCE.fullmatch(value) is not None


def check_absolute_uri(value: str) -> str | None:
    """A URI with a scheme; a fragment is let through, as every SDK does."""
    return None if _ABSOLUTE_URI.fullmatch(value) else "MUST be an absolute URI (RFC 3986)"


def check_time(value: str) -> str | None:
    """A Timestamp of RFC 3339, with its offset."""
    found = _TIME.fullmatch(value)
    if found:
        year, month, day = int(found[1]), int(found[2]), int(found[3])
        if day <= 28:
            return None
        # Year 0 is in RFC 3339 but not in the calendar module; it is a leap year.
        if day <= (calendar.monthrange(year, month)[1] if year else 31):
            return None
    return "MUST adhere to the format specified in RFC 3339"


def check_content_type(value: str) -> str | None:
    """A media type with parameters."""
    fine = _is_media_type if len(value) <= _LONGEST_REMEMBERED else _MEDIA_TYPE.fullmatch
    return None if fine(value) else "MUST adhere to the format specified in RFC 2046"


@lru_cache(maxsize=1024)
def _is_media_type(value: str) -> bool:
    return _MEDIA_TYPE.fullmatch(value) is not None


def check_extension(name: str, value: Any, version: str) -> str | None:
    """An extension's name and value under the rules of a version."""
    if reason := check_name(name):
        return reason
    if name in _RESERVED.get(version, ()):
        return f"the name belongs to the specification of version {version}"
    if isinstance(value, str):
        return check_string(value)
    if version != "1.0" or isinstance(value, bool):
        return None
    if isinstance(value, int):
        if MIN_INTEGER <= value <= MAX_INTEGER:
            return None
        return "an integer MUST be within -2147483648 and 2147483647"
    return "MUST be a string, an integer or a boolean"


def _faults(event: Event) -> list[Fault]:
    version = event.specversion
    found: list[Fault] = []
    for name, value in (("id", event.id), ("source", event.source), ("type", event.type)):
        reason = check_string(value) if value else "MUST be a non-empty string"
        if name == "source" and not reason:
            reason = check_uri_reference(value)
        if reason:
            found.append(Fault(name, reason))
    for name, text, check in (
        ("subject", event.subject, check_string),
        ("time", event.time, check_time),
        ("datacontenttype", event.datacontenttype, check_content_type),
        (
            "dataschema",
            event.dataschema,
            check_absolute_uri if version == "1.0" else check_uri_reference,
        ),
    ):
        if text is not None:
            reason = check(text) if text else "if present, MUST be a non-empty string"
            if reason:
                found.append(Fault(name, reason))
    for name, extension in event.extensions.items():
        if reason := check_extension(name, extension, version):
            found.append(Fault(name, reason))
    return found


def unsupported_version(version: str) -> Fault:
    """The fault of a version nobody here knows."""
    return Fault(
        "specversion", f'version "{version}" is not supported, only {", ".join(VERSIONS)} are'
    )


def checked(event: Event, known: Iterable[Fault] = ()) -> Event:
    """Return the event, or say all that is wrong with it.

    ``known`` are faults found while reading; their attributes are not looked at again.

    Raises:
        CloudEventError: It breaks a rule of its version.
    """
    faults = list(known)
    if event.specversion not in VERSIONS:
        faults.append(unsupported_version(event.specversion))
    more = _faults(event)
    if not faults and not more:
        return event
    seen = {fault.attribute for fault in faults}
    faults += [fault for fault in more if fault.attribute not in seen]
    if faults:
        raise CloudEventError(*faults)
    return event
