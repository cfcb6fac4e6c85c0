"""Framing survives any cutting of the stream."""

from __future__ import annotations

import os

import pytest

from wakeful.procd.wire import HEADER, LIMIT_BYTES, Decoder, ProtocolError, encode


def test_messages_arrive_whole_however_the_stream_is_cut() -> None:
    """One byte at a time gives the same messages as all at once."""
    stream = encode({"id": 1, "text": "ä\0b"}) + encode({"event": "x"})
    decoder = Decoder()

    got = [m for byte in stream for m, _ in decoder.feed(bytes([byte]), [])]

    assert got == [{"id": 1, "text": "ä\0b"}, {"event": "x"}]


def test_descriptors_follow_their_messages() -> None:
    """Each message takes as many as its header says."""
    first, second = os.pipe()
    decoder = Decoder()

    got = decoder.feed(
        encode({"id": 1}, 1) + encode({"id": 2}) + encode({"id": 3}, 1), [first, second]
    )

    assert [fds for _, fds in got] == [[first], [], [second]]
    os.close(first)
    os.close(second)


@pytest.mark.parametrize(
    "data",
    [HEADER.pack(LIMIT_BYTES + 1, 0), HEADER.pack(3, 0) + b"{x}", HEADER.pack(2, 0) + b"[]"],
)
def test_nonsense_is_refused(data: bytes) -> None:
    """A peer that does not speak the protocol is dropped, not obeyed."""
    with pytest.raises(ProtocolError):
        Decoder().feed(data, [])
