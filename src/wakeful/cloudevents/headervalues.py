"""Attribute values in headers: quoting and percent-encoding of the HTTP binding, section 3.1.3.2.

Versions 0.1 and 0.2 put JSON values into headers. The SDKs of that time wrote the attributes of
the specification bare and only extension strings in quotes; both are read, and we write as they did
so that services of that time understand us.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from wakeful.cloudevents.checks import check_uri_reference
from wakeful.cloudevents.errors import fault

_TO_ENCODE = re.compile(r"[^!#$&-~]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,8})", re.ASCII)

_URI_ATTRIBUTES = frozenset({"source", "dataschema"})


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogatepass"))


def encode_value(text: str) -> str:
    """Percent-encode space, ``"``, ``%`` and everything outside printable ASCII."""
    return _TO_ENCODE.sub(_percent, text)


def _percent_decoded(name: str, text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise fault(name, "'%' MUST be followed by two hexadecimal digits in a header value")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise fault(name, "percent-encoded bytes MUST be valid UTF-8") from None


def _as_utf8(text: str) -> str:
    """Bytes beyond ASCII are UTF-8, as the Go SDK sends them, whoever decoded the header."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def decode_value(name: str, text: str) -> str:
    """Undo one layer of quotes, then one of percent-encoding.

    Text beyond ASCII should be percent-encoded; where it is not, nothing else can be meant.

    Raises:
        CloudEventError: The quoting or the encoding is broken.
    """
    text = _as_utf8(text)
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        if not quoted:
            raise fault(name, "the quoted header value has no proper end")
        text = _ESCAPED.sub(r"\1", quoted[1])
    if "%" not in text:
        return text
    decoded = _percent_decoded(name, text)
    # Widespread SDKs do not encode "%", so a URI with escapes of its own arrives encoded once only.
    if name in _URI_ATTRIBUTES and check_uri_reference(decoded) and not check_uri_reference(text):
        return text
    return decoded


def decode_json_value(name: str, text: str, *, extension: bool) -> Any:
    """Read a header of 0.1 or 0.2: a JSON value, or the bare string SDKs wrote.

    Extensions keep their type (``5`` is an integer, ``"5"`` a string); attributes are strings.
    """
    text = _as_utf8(text)
    if "%" in text and not _BAD_PERCENT.search(text):
        text = _percent_decoded(name, text)
    if text.startswith('"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return decode_value(name, text)
    if extension:
        if text in ("true", "false"):
            return text == "true"
        if _INTEGER.fullmatch(text):
            return int(text)
    return text


def encode_json_value(value: Any, *, extension: bool) -> str:
    """Write a header of 0.1 or 0.2: attributes bare, extensions as JSON."""
    text = orjson.dumps(value).decode() if extension else str(value)
    return re.sub(r"[^ -~]|%", _percent, text)
