"""Durations as Go writes them (``1h2m3.5s``), and ages as kubectl does."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_LONGEST_SECONDS = 2**63 / 1e9  # Go counts nanoseconds in 64 bits
_TERM = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> timedelta:
    """Read a Go duration.

    Raises:
        ValueError: With Go's words, ``time: invalid duration "x"``.
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    sign = -1 if text.startswith("-") else 1
    if body == "0":
        return timedelta()
    position, seconds = 0, 0.0
    for term in _TERM.finditer(body):
        if term.start() != position:
            break
        seconds += float(term.group(1)) * _UNITS[term.group(2)]
        position = term.end()
    if not body or position != len(body):
        if re.fullmatch(r"\d+\.?\d*|\.\d+", body):
            raise ValueError(f'time: missing unit in duration "{text}"')
        raise ValueError(f'time: invalid duration "{text}"')
    if seconds > _LONGEST_SECONDS:
        raise ValueError(f'time: invalid duration "{text}"')
    return timedelta(seconds=sign * seconds)


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
