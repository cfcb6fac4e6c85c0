import asyncio
import random
import struct
import zlib
from collections.abc import AsyncIterator, Mapping

import pytest

from wakeful.apiserver.streams.spdy import SPDYConnection, SPDYError
from wakeful.apiserver.streams.spdy.frames import (
    ControlFrame,
    DataFrame,
    Flag,
    Frame,
    FrameReader,
    Reset,
    Type,
    control_frame,
    data_frame,
    numbers,
)
from wakeful.apiserver.streams.spdy.headers import DICTIONARY, HeaderReader, HeaderWriter


def test_the_dictionary_is_everybodys() -> None:
    """The length and checksum every SPDY/3 implementation has."""
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_headers_survive_the_trip_and_share_their_compression() -> None:
    writer, reader = HeaderWriter(), HeaderReader()
    for headers in ({"StreamType": "data", "port": "80"}, {}, {"a": "ü"}):
        expected = {name.lower(): value for name, value in headers.items()}
        assert reader.decode(writer.encode(headers)) == expected


@pytest.mark.parametrize(
    "block",
    [
        struct.pack(">I", 1),
        struct.pack(">III", 1, 99, 0),
        struct.pack(">I", 2**31),
        struct.pack(">II", 1, 1) + b"\xff" + struct.pack(">I", 0),
    ],
)
def test_damaged_headers_are_refused(block: bytes) -> None:
    squeeze = zlib.compressobj(zdict=DICTIONARY)
    with pytest.raises(SPDYError):
        HeaderReader().decode(squeeze.compress(block) + squeeze.flush(zlib.Z_SYNC_FLUSH))


def test_a_header_bomb_is_refused() -> None:
    squeeze = zlib.compressobj(zdict=DICTIONARY)
    bomb = squeeze.compress(bytes(10_000_000)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(SPDYError, match="larger than"):
        HeaderReader().decode(bomb)
    with pytest.raises(SPDYError):
        HeaderReader().decode(b"no zlib at all")


def test_frames_arrive_in_any_portions() -> None:
    wire = data_frame(1, b"abc") + control_frame(Type.PING, numbers(7)) + data_frame(3, b"", 1)
    for size in (1, 2, 5, 100):
        reader = FrameReader()
        frames: list[Frame] = []
        for start in range(0, len(wire), size):
            frames += reader.feed(wire[start : start + size])
        assert frames == [
            DataFrame(1, 0, b"abc"),
            ControlFrame(Type.PING, 0, numbers(7)),
            DataFrame(3, Flag.FIN, b""),
        ]


def test_another_version_is_refused() -> None:
    with pytest.raises(SPDYError, match="version 2"):
        list(FrameReader().feed(struct.pack(">HHI", 0x8002, 1, 0)))


class Client:
    """The client's side, on wires in memory."""

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[Frame] = []
        self._reader, self._headers = FrameReader(), HeaderWriter()
        self.arrived = asyncio.Event()
        self.connection = SPDYConnection(self._receive(), self._take)

    async def _receive(self) -> AsyncIterator[bytes]:
        while (data := await self._inbox.get()) is not None:
            yield data

    async def _take(self, data: bytes) -> None:
        self.sent += self._reader.feed(data)
        self.arrived.set()

    def send(self, data: bytes) -> None:
        self._inbox.put_nowait(data)

    def leave(self) -> None:
        self._inbox.put_nowait(None)

    def open(self, stream_id: int, headers: Mapping[str, str], flags: int = 0) -> None:
        block = self._headers.encode(headers)
        payload = numbers(stream_id, 0) + b"\0\0" + block
        self.send(control_frame(Type.SYN_STREAM, payload, flags))

    @property
    def waiting(self) -> int:
        return self._inbox.qsize()

    async def until_sent(self, count: int) -> list[Frame]:
        while len(self.sent) < count:
            self.arrived.clear()
            await self.arrived.wait()
        return self.sent


async def test_a_stream_carries_bytes_both_ways_and_ends_by_halves() -> None:
    client = Client()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(client.connection.run())
        client.open(1, {"streamType": "data"})
        client.send(data_frame(1, b"hello "))
        client.send(data_frame(1, b"world", Flag.FIN))
        stream = await client.connection.accept()
        assert stream is not None
        assert stream.headers == {"streamtype": "data"}
        assert [await stream.read() for _ in range(3)] == [b"hello ", b"world", b""]
        await stream.write(b"x" * 70_000)
        await stream.close()
        await stream.write(b"too late")
        client.leave()
        assert await client.connection.accept() is None
    reply, *data = client.sent
    assert isinstance(reply, ControlFrame)
    assert reply.type == Type.SYN_REPLY
    assert b"".join(f.data for f in data if isinstance(f, DataFrame)) == b"x" * 70_000
    assert data[-1] == DataFrame(1, Flag.FIN, b"")


async def test_pings_are_answered() -> None:
    client = Client()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(client.connection.run())
        client.send(control_frame(Type.PING, numbers(5)))
        client.send(control_frame(Type.PING, numbers(6)))
        client.send(control_frame(Type.SETTINGS, numbers(0)))
        client.send(control_frame(Type.GOAWAY, numbers(0, 0)))
    assert client.sent == [ControlFrame(Type.PING, 0, numbers(5))]


async def test_a_cut_stream_wakes_its_reader() -> None:
    client = Client()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(client.connection.run())
        client.open(1, {})
        stream = await client.connection.accept()
        assert stream is not None
        reading = group.create_task(stream.read())
        client.send(control_frame(Type.RST_STREAM, numbers(1, Reset.CANCEL)))
        assert await reading == b""
        assert stream.is_reset
        client.open(3, {})
        other = await client.connection.accept()
        assert other is not None
        await other.reset()
        client.leave()
    assert ControlFrame(Type.RST_STREAM, 0, numbers(3, Reset.CANCEL)) in client.sent


async def test_the_end_of_the_connection_ends_every_stream() -> None:
    client = Client()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(client.connection.run())
        client.open(1, {})
        client.open(3, {}, Flag.FIN)
        first, second = await client.connection.accept(), await client.connection.accept()
        assert first is not None
        assert second is not None
        client.leave()
        assert await first.read() == b""
        assert await second.read() == b""


async def test_a_reader_that_is_slow_slows_the_sender() -> None:
    """Beyond some megabytes nothing more is taken from the wire."""
    client = Client()
    chunk = bytes(1 << 20)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(client.connection.run())
        client.open(1, {})
        stream = await client.connection.accept()
        assert stream is not None
        for _ in range(20):
            client.send(data_frame(1, chunk))
        client.send(data_frame(1, b"", Flag.FIN))
        for _ in range(50):
            await asyncio.sleep(0)
        assert client.waiting > 10
        total = 0
        while data := await stream.read():
            total += len(data)
        assert total == 20 << 20
        client.leave()


@pytest.mark.parametrize("stream_id", [2, 1])
async def test_streams_that_cannot_be_opened_end_the_connection(stream_id: int) -> None:
    client = Client()
    client.open(1, {})
    client.open(stream_id, {})
    with pytest.raises(SPDYError, match="cannot be opened"):
        await client.connection.run()
    last = client.sent[-1]
    assert isinstance(last, ControlFrame)
    assert last.type == Type.GOAWAY


async def test_junk_is_a_protocol_error_and_nothing_else() -> None:
    dice = random.Random(3)
    for _ in range(300):
        client = Client()
        client.open(1, {"a": "b"})
        junk = dice.randbytes(dice.randint(1, 60))
        if dice.random() < 0.7:
            kind = dice.choice(list(Type))
            junk = control_frame(kind, junk, dice.randrange(4))
        client.send(junk)
        client.leave()
        try:
            await client.connection.run()
        except SPDYError:
            continue
