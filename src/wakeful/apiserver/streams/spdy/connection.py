"""One connection: the peer opens streams, both sides write to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from wakeful.apiserver.streams.spdy.frames import (
    ControlFrame,
    DataFrame,
    Flag,
    Frame,
    FrameReader,
    Reset,
    SPDYError,
    Type,
    control_frame,
    data_frame,
    numbers,
)
from wakeful.apiserver.streams.spdy.headers import HeaderReader, HeaderWriter

CHUNK_BYTES = 32 * 1024
_HIGH_WATER = 4 << 20
_MOST_STREAMS = 4096


class SPDYStream:
    """Bytes both ways; either side may end its half."""

    def __init__(self, connection: SPDYConnection, stream_id: int, headers: Mapping[str, str]):
        self.id, self.headers = stream_id, headers
        self._connection = connection
        self._chunks: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._ended = self._closed = False

    @property
    def is_reset(self) -> bool:
        """Whether nothing more can be sent, because either side cut the stream."""
        return self._closed

    async def read(self) -> bytes:
        """The next bytes; none once the peer has ended its half."""
        while not self._chunks:
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        chunk = self._chunks.popleft()
        self._connection.consumed(len(chunk))
        return chunk

    async def write(self, data: bytes) -> None:
        """Send; waits while the connection is congested. Silent once the stream is cut."""
        for start in range(0, len(data), CHUNK_BYTES):
            if self._closed:
                return
            chunk = data[start : start + CHUNK_BYTES]
            await self._connection.send(data_frame(self.id, chunk))

    async def close(self) -> None:
        """End our half; idempotent."""
        if not self._closed:
            self._closed = True
            await self._connection.send(data_frame(self.id, b"", Flag.FIN))
            self._connection.forget(self)

    async def reset(self, why: Reset = Reset.CANCEL) -> None:
        """Cut both halves."""
        if not self._closed:
            self.cut()
            await self._connection.send(control_frame(Type.RST_STREAM, numbers(self.id, why)))

    # --- for the connection -----------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether both halves ended."""
        return self._closed and self._ended

    def arrive(self, data: bytes) -> None:
        """Take bytes from the peer."""
        if data:
            self._chunks.append(data)
            self._arrived.set()

    def end(self) -> None:
        """The peer ended its half."""
        self._ended = True
        self._arrived.set()

    def cut(self) -> None:
        """Nothing more goes either way; what arrived can still be read."""
        self._closed = True
        self.end()
        self._connection.forget(self)


class SPDYConnection:
    """The server's side of a connection.

    ``receive`` yields what comes from the wire, ``send`` puts bytes on it. :meth:`run` has to be
    running for anything to arrive.
    """

    def __init__(
        self, receive: AsyncIterator[bytes], send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._receive, self._send = receive, send
        self._lock = asyncio.Lock()
        self._streams: dict[int, SPDYStream] = {}
        self._opened: asyncio.Queue[SPDYStream | None] = asyncio.Queue()
        self._frames, self._headers_in = FrameReader(), HeaderReader()
        self._headers_out = HeaderWriter()
        self._buffered = 0
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Read until the peer goes away.

        Raises:
            SPDYError: The peer does not keep to the protocol; it was told to go away.
        """
        try:
            async for data in self._receive:
                for frame in self._frames.feed(data):
                    if isinstance(frame, ControlFrame) and frame.type == Type.GOAWAY:
                        return
                    await self._handle(frame)
                await self._room.wait()
        except SPDYError:
            await self.send(control_frame(Type.GOAWAY, numbers(0, Reset.PROTOCOL_ERROR)))
            raise
        finally:
            for stream in list(self._streams.values()):
                stream.cut()
            self._opened.put_nowait(None)

    async def accept(self) -> SPDYStream | None:
        """The next stream the peer opens; None once it has gone."""
        stream = await self._opened.get()
        if stream is None:
            self._opened.put_nowait(None)
        return stream

    async def send(self, data: bytes) -> None:
        """Put a whole frame on the wire."""
        async with self._lock:
            await self._send(data)

    def consumed(self, size: int) -> None:
        """Somebody read ``size`` bytes of what was buffered."""
        self._buffered -= size
        if self._buffered < _HIGH_WATER // 2:
            self._room.set()

    def forget(self, stream: SPDYStream) -> None:
        """Drop a stream that is over."""
        if stream.is_over:
            self._streams.pop(stream.id, None)

    async def _handle(self, frame: Frame) -> None:
        if isinstance(frame, DataFrame):
            self._handle_data(frame)
            return
        match frame.type:
            case Type.SYN_STREAM:
                await self._open(frame)
            case Type.RST_STREAM:
                stream = self._streams.get(frame.number())
                if stream is not None:
                    stream.cut()
            case Type.PING:
                # The client counts in odd numbers; even ones would be answers to ours.
                if frame.number() % 2:
                    await self.send(control_frame(Type.PING, frame.payload))
            case Type.HEADERS | Type.SYN_REPLY:
                # Read for the sake of the compression both sides share.
                self._headers_in.decode(frame.payload[4:])
            case _:
                return

    def _handle_data(self, frame: DataFrame) -> None:
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            return
        if frame.data:
            self._buffered += len(frame.data)
            if self._buffered > _HIGH_WATER:
                self._room.clear()
            stream.arrive(frame.data)
        if frame.flags & Flag.FIN:
            stream.end()
            self.forget(stream)

    async def _open(self, frame: ControlFrame) -> None:
        stream_id = frame.number()
        headers = self._headers_in.decode(frame.payload[10:])
        if stream_id in self._streams or not stream_id % 2:
            raise SPDYError(f"stream {stream_id} cannot be opened")
        if len(self._streams) >= _MOST_STREAMS:
            refusal = numbers(stream_id, Reset.REFUSED_STREAM)
            await self.send(control_frame(Type.RST_STREAM, refusal))
            return
        stream = SPDYStream(self, stream_id, headers)
        self._streams[stream_id] = stream
        async with self._lock:  # what is compressed first has to be sent first
            block = self._headers_out.encode({})
            await self._send(control_frame(Type.SYN_REPLY, numbers(stream_id) + block))
        if frame.flags & Flag.FIN:
            stream.end()
        self._opened.put_nowait(stream)
