"""Durations as ISO 8601 writes them: ``PT0.2S``, ``P1DT12H``."""

from __future__ import annotations

import re
from datetime import timedelta

_NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
_PATTERN = re.compile(
    rf"([-+]?)P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_DAY = 86_400.0
_SECONDS = (365.2425 * _DAY, 30.436875 * _DAY, 7 * _DAY, _DAY, 3600.0, 60.0, 1.0)
"""Seconds of each unit in the order of the pattern; years and months are averages."""
_MOST_SECONDS = 1e11


def parse_iso_duration(text: str) -> timedelta:
    """Read a duration; it may be zero or, with a sign in front, negative.

    Raises:
        ValueError: ``text`` is no ISO 8601 duration, or one of thousands of years.
    """
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as PT0.5S")
    total = 0.0
    for part, seconds in zip(found.groups()[1:], _SECONDS, strict=True):
        if part:
            total += float(part.replace(",", ".")) * seconds
    if total > _MOST_SECONDS:
        raise ValueError(f"duration {text!r} is too long")
    return timedelta(seconds=-total if found.group(1) == "-" else total)
