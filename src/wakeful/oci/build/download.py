"""Files that Dockerfiles fetch with ``ADD``."""

from __future__ import annotations

import urllib.request

_LIMIT_BYTES = 1 << 30
_SILENCE_SECONDS = 60.0


def download(url: str, *, limit_bytes: int = _LIMIT_BYTES) -> bytes:
    """What is at ``url``, whose scheme the caller has checked. Blocks.

    Raises:
        OSError: It cannot be had, or has more than ``limit_bytes``.
    """
    with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310 - checked
        data: bytes = answer.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise OSError(f"it has more than {limit_bytes} bytes")
    return data
