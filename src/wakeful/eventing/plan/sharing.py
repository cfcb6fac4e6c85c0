"""How several event processes share the consumers of a plan. Pure."""

from __future__ import annotations

from zlib import crc32


def carries(index: int, workers: int, stream: str, consumer: str) -> bool:
    """Whether process ``index`` of so many delivers for this consumer."""
    return crc32(f"{stream}/{consumer}".encode()) % workers == index
