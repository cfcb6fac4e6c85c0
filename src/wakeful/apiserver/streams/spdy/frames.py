"""Frames: bytes in, frames out, and back. Nothing here waits or knows streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from wakeful.apimachinery.errors import WakefulError

VERSION = 3
LIMIT_BYTES = 1 << 24
_HEADER = struct.Struct(">II")
_STREAM_ID = 0x7FFF_FFFF


class SPDYError(WakefulError):
    """The peer does not keep to the protocol."""


class Type(IntEnum):
    """Control frames."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class Flag(IntFlag):
    """What a frame says beside its content."""

    NONE = 0
    FIN = 1
    UNIDIRECTIONAL = 2


class Reset(IntEnum):
    """Why a stream is cut."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    CANCEL = 5


@dataclass(frozen=True, slots=True)
class DataFrame:
    """Bytes of one stream."""

    stream_id: int
    flags: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ControlFrame:
    """Everything else."""

    type: int
    flags: int
    payload: bytes

    def number(self, offset: int = 0) -> int:
        """A 32-bit member without its highest bit.

        Raises:
            SPDYError: The frame is too short.
        """
        if len(self.payload) < offset + 4:
            raise SPDYError(f"a control frame of type {self.type} is too short")
        (value,) = struct.unpack_from(">I", self.payload, offset)
        return int(value) & _STREAM_ID


Frame = DataFrame | ControlFrame


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes, yield every frame that is complete.

        Raises:
            SPDYError: A frame is of another version, or too large.
        """
        self._buffer += data
        position = 0
        try:
            while len(self._buffer) - position >= _HEADER.size:
                first, second = _HEADER.unpack_from(self._buffer, position)
                size = second & 0xFF_FFFF
                end = position + _HEADER.size + size
                if len(self._buffer) < end:
                    break
                body = bytes(self._buffer[position + _HEADER.size : end])
                position = end
                yield _frame(first, second >> 24, body)
        finally:
            del self._buffer[:position]


def _frame(first: int, flags: int, body: bytes) -> Frame:
    if not first >> 31:
        return DataFrame(first, flags, body)
    version = first >> 16 & 0x7FFF
    if version != VERSION:
        raise SPDYError(f"version {version} is not spoken here")
    return ControlFrame(first & 0xFFFF, flags, body)


def data_frame(stream_id: int, data: bytes, flags: int = Flag.NONE) -> bytes:
    """Write bytes of a stream."""
    return _HEADER.pack(stream_id, flags << 24 | len(data)) + data


def control_frame(kind: Type, payload: bytes, flags: int = Flag.NONE) -> bytes:
    """Write a control frame."""
    return _HEADER.pack(1 << 31 | VERSION << 16 | kind, flags << 24 | len(payload)) + payload


def numbers(*values: int) -> bytes:
    """Write 32-bit members."""
    return struct.pack(f">{len(values)}I", *values)
