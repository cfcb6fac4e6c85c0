"""Durations as Go writes them (``1h2m3.5s``), and ages as kubectl does."""

from __future__ import annotations

import re
from datetime import timedelta

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek letter mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_MOST_NANOSECONDS = 2**63 - 1  # Go counts nanoseconds in 64 bits
_TERM = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse_duration(text: str) -> timedelta:
    """Read a Go duration; what is finer than a microsecond is lost.

    Raises:
        ValueError: With Go's words, ``time: invalid duration "x"``.
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return timedelta()
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    total = position = 0
    while position < len(body):
        term = _TERM.match(body, position)
        assert term is not None  # the pattern matches the empty text too
        whole, fraction, unit = term.group(1), term.group(2) or "", term.group(3)
        if not (whole or fraction) or len(whole) > 19:
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _NANOSECONDS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        scale = _NANOSECONDS[unit]
        total += int(whole or "0") * scale
        total += int(fraction[:18] or "0") * scale // 10 ** len(fraction[:18])
        position = term.end()
    if total > _MOST_NANOSECONDS:
        raise ValueError(f'time: invalid duration "{text}"')
    return timedelta(microseconds=(-total if text.startswith("-") else total) / 1000)


def format_duration(value: timedelta) -> str:
    """Write as Go's ``Duration.String``: ``1m30s``, ``1.5s``, ``250ms``, ``0s``."""
    total = round(value.total_seconds() * 1e6)
    sign, total = ("-" if total < 0 else ""), abs(total)
    if total == 0:
        return "0s"
    if total < 1_000:
        return f"{sign}{total}µs"
    if total < 1_000_000:
        return f"{sign}{_trim(total / 1e3)}ms"
    hours, rest = divmod(total, 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    text = f"{_trim(rest / 1e6)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _trim(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def human_duration(value: timedelta) -> str:
    """Write as kubectl's AGE column: ``5s``, ``3m2s``, ``4h``, ``12d``, ``2y40d``."""
    seconds = int(value.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    years = days // 365
    if minutes < 10:
        return f"{minutes}m" + (f"{seconds % 60}s" if seconds % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    if years < 8:
        return f"{years}y" + (f"{days % 365}d" if days % 365 else "")
    return f"{years}y"
