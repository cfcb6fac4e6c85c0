"""Header blocks: pairs of text, compressed with the dictionary every SPDY/3 speaker knows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from wakeful.apiserver.streams.spdy.frames import SPDYError

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language"
    " accept-ranges age allow authorization cache-control connection content-base content-encoding"
    " content-language content-length content-location content-md5 content-range content-type date"
    " etag expect expires from host if-match if-modified-since if-none-match if-range"
    " if-unmodified-since last-modified location max-forwards pragma proxy-authenticate"
    " proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade"
    " user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url"
    " public set-cookie keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue,"
    " Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
LIMIT_BYTES = 64 * 1024


def _dictionary() -> bytes:
    words = (word.replace("_", " ").encode() for word in _WORDS.split())
    return b"".join(struct.pack(">I", len(w)) + w for w in words) + _TAIL.encode()


DICTIONARY = _dictionary()


class HeaderWriter:
    """Compresses the blocks of one direction."""

    def __init__(self) -> None:
        self._compress = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, headers: Mapping[str, str]) -> bytes:
        """Write a block."""
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                block += struct.pack(">I", len(text)) + text
        return self._compress.compress(block) + self._compress.flush(zlib.Z_SYNC_FLUSH)


class HeaderReader:
    """Decompresses the blocks of the other direction."""

    def __init__(self) -> None:
        self._decompress = zlib.decompressobj(zdict=DICTIONARY)

    def decode(self, data: bytes) -> dict[str, str]:
        """Read a block; names come in lower case.

        Raises:
            SPDYError: The block is damaged or too large.
        """
        try:
            block = self._decompress.decompress(data, LIMIT_BYTES)
            if self._decompress.unconsumed_tail:
                raise SPDYError(f"a header block is larger than {LIMIT_BYTES} bytes")
            return _parse(block)
        except (zlib.error, struct.error, UnicodeDecodeError) as err:
            raise SPDYError(f"a header block is damaged: {err}") from err


def _parse(block: bytes) -> dict[str, str]:
    (count,) = struct.unpack_from(">I", block)
    position, texts = 4, list[str]()
    for _ in range(2 * count):
        (size,) = struct.unpack_from(">I", block, position)
        position += 4
        if position + size > len(block):
            raise SPDYError("a header block ends too early")
        texts.append(block[position : position + size].decode())
        position += size
    return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}
