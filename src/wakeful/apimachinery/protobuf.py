"""Request bodies in Kubernetes' protobuf encoding, read into the JSON they stand for.

Typed clients of built-in kinds send ``application/vnd.kubernetes.protobuf``. The wire is read by
the table in ``protobuf_fields.txt``; what the table does not list is skipped, as protobuf demands.
Go writes every field that is not a pointer, so empty values stand for unset ones and are left out.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any

import orjson

from wakeful.apimachinery.decoding import MAX_DEPTH
from wakeful.apimachinery.errors import BadRequestError, UnsupportedMediaTypeError
from wakeful.apimachinery.meta import format_micro_time, format_time

MAGIC = b"k8s\x00"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPTIONS = frozenset({"DeleteOptions"})


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    """Name in JSON; empty when the message's members are inlined."""
    code: str
    """Scalar code or message name."""
    repeated: bool
    mapped: bool
    pointer: bool
    always: bool

    @property
    def is_message(self) -> bool:
        return "." in self.code


Table = Mapping[str, Mapping[int, _Field]]


@lru_cache(maxsize=1)
def _table() -> Table:
    text = resources.files(__package__).joinpath("protobuf_fields.txt").read_text()
    table: dict[str, dict[int, _Field]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        message, *members = line.split()
        table[message] = dict(_parse_member(member) for member in members)
    return table


def _parse_member(text: str) -> tuple[int, _Field]:
    name, _, rest = text.partition("=")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    number, rest = int(rest[:digits]), rest[digits:]
    code = rest.lstrip("[]{}?!")
    flags = rest[: len(rest) - len(code)]
    return number, _Field(
        name="" if name == "^" else name,
        code=code,
        repeated="[]" in flags,
        mapped="{}" in flags,
        pointer="?" in flags,
        always="!" in flags,
    )


def is_protobuf(body: bytes) -> bool:
    """Whether a body starts like an encoded object."""
    return body.startswith(MAGIC)


def decode(body: bytes) -> dict[str, Any]:
    """Read one object; ``apiVersion`` and ``kind`` come from its envelope.

    Raises:
        BadRequestError: The body is damaged.
        UnsupportedMediaTypeError: The kind has no protobuf form here.
    """
    if not is_protobuf(body):
        raise BadRequestError("the body of the request is not in Kubernetes' protobuf encoding")
    try:
        return _decode_envelope(body[len(MAGIC) :])
    except (ValueError, IndexError, struct.error, OverflowError) as err:
        raise BadRequestError(f"the protobuf body of the request is damaged: {err}") from err


def _decode_envelope(data: bytes) -> dict[str, Any]:
    api_version = kind = content_type = ""
    raw = b""
    for number, _, value in _read(data):
        if number == 1:
            names = {n: _text(v) for n, _, v in _read(_bytes(value))}
            api_version, kind = names.get(1, ""), names.get(2, "")
        elif number == 2:
            raw = _bytes(value)
        elif number == 4:
            content_type = _text(value)
    if content_type == "application/json":
        parsed = orjson.loads(raw)
        if not isinstance(parsed, dict):
            raise ValueError("not an object")
        return parsed
    message = _message_of(api_version, kind)
    if message not in _table():
        raise UnsupportedMediaTypeError(
            f"the body of the request was in an unknown format: {api_version} {kind} has no"
            " protobuf form here - accepted media types include: application/json, application/yaml"
        )
    return {"apiVersion": api_version, "kind": kind} | _decode_message(message, raw, 0)


def _message_of(api_version: str, kind: str) -> str:
    if kind in _OPTIONS:
        return f"meta.{kind}"
    group, _, version = api_version.rpartition("/")
    package = group.partition(".")[0] or "core"
    return f"{package}2.{kind}" if version == "v2" else f"{package}.{kind}"


def _read(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Field number, wire type and raw value of every field."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
        elif wire == _BYTES:
            size, position = _varint(data, position)
            if position + size > end:
                raise ValueError("unexpected end of a field")
            yield number, wire, data[position : position + size]
            position += size
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            if position + size > end:
                raise ValueError("unexpected end of a field")
            yield number, wire, data[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {wire} is not in use")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
        shift += 7
        if shift > 63:
            raise ValueError("a number has too many bytes")


def _decode_message(message: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise ValueError("the object is nested too deeply")
    fields = _table().get(message)
    if fields is None:
        return {}
    result: dict[str, Any] = {}
    for number, wire, raw in _read(_bytes(data)):
        field = fields.get(number)
        if field is None:
            continue
        if field.mapped:
            key, value = _decode_entry(field, raw, depth)
            result.setdefault(field.name, {})[key] = value
        elif field.repeated:
            result.setdefault(field.name, []).extend(_decode_items(field, wire, raw, depth))
        elif field.is_message:
            inner = _decode_message(field.code, raw, depth + 1)
            if not field.name:
                result.update(inner)
            elif inner or field.pointer:
                result[field.name] = {**result.get(field.name, {}), **inner}
        else:
            value = _decode_scalar(field.code, wire, raw)
            if _is_set(field, value):
                result[field.name] = value
    return result


def _is_set(field: _Field, value: Any) -> bool:
    if field.pointer:
        return value is not None
    if field.always and field.code in ("i", "b"):
        return True
    return bool(value)


def _decode_items(field: _Field, wire: int, raw: Any, depth: int) -> Iterator[Any]:
    if field.is_message:
        yield _decode_message(field.code, raw, depth + 1)
    elif field.code == "i" and wire == _BYTES:  # packed
        position = 0
        while position < len(raw):
            value, position = _varint(raw, position)
            yield _signed(value)
    else:
        yield _decode_scalar(field.code, wire, raw)


def _decode_entry(field: _Field, raw: bytes, depth: int) -> tuple[str, Any]:
    key: str = ""
    value: Any = None
    for number, wire, part in _read(_bytes(raw)):
        if number == 1:
            key = _text(part)
        elif field.is_message:
            value = _decode_message(field.code, part, depth + 1)
        else:
            value = _decode_scalar(field.code, wire, part)
    if value is None:
        value = {} if field.is_message else [] if field.code == "E" else ""
    return key, value


def _decode_scalar(code: str, wire: int, raw: Any) -> Any:
    if code in ("i", "b"):
        if wire != _VARINT:
            raise ValueError("a number was expected")
        return bool(raw) if code == "b" else _signed(raw)
    if code == "f":
        return struct.unpack("<d", _bytes(raw))[0]
    raw = _bytes(raw)
    match code:
        case "":
            return raw.decode()
        case "y":
            return base64.b64encode(raw).decode()
        case "T" | "U":
            return _decode_time(code, raw)
        case "Q":
            return next((_text(part) for n, _, part in _read(raw) if n == 1), None)
        case "I":
            return _decode_int_or_string(raw)
        case "R":
            text = next((_bytes(part) for n, _, part in _read(raw) if n == 1), b"")
            return orjson.loads(text) if text else None
        case _:
            return [_text(part) for n, _, part in _read(raw) if n == 1]


def _decode_time(code: str, raw: bytes) -> str | None:
    parts = {number: value for number, _, value in _read(raw)}
    if not parts:
        return None
    seconds, nanos = _signed(parts.get(1, 0)), _signed(parts.get(2, 0))
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    if moment.year <= 1:
        return None
    return format_micro_time(moment) if code == "U" else format_time(moment)


def _decode_int_or_string(raw: bytes) -> int | str:
    parts = {number: value for number, _, value in _read(raw)}
    if parts.get(1):
        return _text(parts.get(3, b""))
    return _signed(parts.get(2, 0))


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("bytes were expected")  # noqa: TRY004 - the data is wrong, not the call
    return value


def _text(value: Any) -> str:
    return _bytes(value).decode()


def _signed(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("a number was expected")  # noqa: TRY004 - the data is wrong, not the call
    return value - 2**64 if value >= 2**63 else value
