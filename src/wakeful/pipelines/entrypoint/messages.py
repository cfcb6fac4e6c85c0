"""Termination messages: how a step tells its TaskRun what came out of it."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import orjson

from wakeful.apimachinery.errors import WakefulError

MESSAGE_LIMIT_BYTES = 4096
"""What Kubernetes keeps of one container's message."""

_COMPRESSED = "tknz:"
_UNPACKED_LIMIT_BYTES = 128 * 1024


class ResultKind(IntEnum):
    """What an entry of a message is; the numbers are the wire's."""

    TASK_RESULT = 1
    INTERNAL = 3
    STEP_RESULT = 4
    STEP_ARTIFACTS = 5
    TASK_ARTIFACTS = 6
    UNKNOWN = 10


@dataclass(frozen=True, slots=True)
class RunResult:
    """One entry: a result's name and the content of its file, or something about the step."""

    key: str
    value: str
    kind: ResultKind
    resource: str = ""
    """Of what a step tells of a PipelineResource: its name."""


class MessageTooLongError(WakefulError):
    """More results than a message can carry; the step fails then."""

    def __init__(self) -> None:
        super().__init__(
            "Termination message is above max allowed size 4096, caused by large task result."
        )


def render_message(
    results: Sequence[RunResult],
    *,
    compress: bool = False,
    limit_bytes: int | None = MESSAGE_LIMIT_BYTES,
) -> str:
    """Return the message.

    Raises:
        MessageTooLongError: It is longer than ``limit_bytes``.
    """
    plain = orjson.dumps([_to_wire(result) for result in results])
    text = plain.decode()
    if compress:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(plain) + packer.flush()
        short = _COMPRESSED + base64.b64encode(packed).decode().rstrip("=")
        text = min(text, short, key=len)
    if limit_bytes is not None and len(text.encode()) > limit_bytes:
        raise MessageTooLongError
    return text


def _to_wire(result: RunResult) -> dict[str, object]:
    wire: dict[str, object] = {"key": result.key, "value": result.value}
    if result.resource:
        wire["resourceName"] = result.resource
    return wire | ({"type": int(result.kind)} if result.kind is not ResultKind.UNKNOWN else {})


def parse_message(text: str) -> list[RunResult] | None:
    """Read a message; None for one that no entrypoint wrote."""
    try:
        data = orjson.loads(_unpack(text))
    except (ValueError, binascii.Error, zlib.error):
        return None
    if not isinstance(data, list):
        return None
    found = []
    for entry in data:
        if not isinstance(entry, dict):
            return None
        key, value = entry.get("key"), entry.get("value", "")
        if not isinstance(key, str) or not isinstance(value, str):
            return None
        resource = entry.get("resourceName", "")
        kind = _kind(entry.get("type"))
        found.append(RunResult(key, value, kind, resource if isinstance(resource, str) else ""))
    return found


def _kind(number: object) -> ResultKind:
    return next((kind for kind in ResultKind if kind == number), ResultKind.UNKNOWN)


def _unpack(text: str) -> bytes:
    if not text.startswith(_COMPRESSED):
        return text.encode()
    packed = text.removeprefix(_COMPRESSED)
    raw = base64.b64decode(packed + "=" * (-len(packed) % 4))
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    return unpacker.decompress(raw, _UNPACKED_LIMIT_BYTES)
