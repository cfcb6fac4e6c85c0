"""Cron schedules: reading them in Kubernetes' dialect, and the next time they name. Pure.

The dialect is that of the Go library upstream uses, its complaints included; what follows from
calendars and time zones is ``cronsim``'s.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from wakeful.apimachinery.duration import parse_duration

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: i for i, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


@dataclass(frozen=True, slots=True)
class _Field:
    low: int
    high: int
    names: dict[str, int]


_FIELDS = (
    _Field(0, 59, {}),
    _Field(0, 59, {}),
    _Field(0, 23, {}),
    _Field(1, 31, {}),
    _Field(1, 12, _MONTHS),
    _Field(0, 7, _DAYS),
)
"""Second, minute, hour, day, month, day of the week."""


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """Times at which something is due; or an interval."""

    expression: str = ""
    """Six fields, seconds first."""
    every: timedelta | None = None
    zone: tzinfo = UTC

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after ``moment``; None when there is none within fifty years."""
        if self.every is not None:
            return (moment + self.every).replace(microsecond=0)
        try:
            found = next(CronSim(self.expression, moment.astimezone(self.zone)), None)
        except CronSimError:  # the thirtieth of February: well-formed, but never due
            return None
        return found.astimezone(UTC) if found is not None else None


def parse_schedule(
    text: str, time_zone: str | None = None, *, seconds: bool = False, intervals: bool = True
) -> CronSchedule:
    """Read five fields, ``@daily`` and its kin, or ``@every 1h30m``.

    With ``seconds`` there may be six fields, the first for seconds; without ``intervals`` there is
    no ``@every``.

    Raises:
        ValueError: It is no schedule, or there is no such time zone.
    """
    zone = parse_zone(time_zone) if time_zone else UTC
    text = text.strip()
    if text.startswith("@every ") and intervals:
        every = parse_duration(text.removeprefix("@every ").strip())
        return CronSchedule(every=max(every, timedelta(seconds=1)))
    fields = _MACROS.get(text, text).split()
    if text.startswith("@") and text not in _MACROS:
        raise ValueError(f"unrecognized descriptor: {text}")
    if len(fields) != 5 and not (seconds and len(fields) == 6):
        wanted = "5 to 6" if seconds else "exactly 5"
        raise ValueError(f"expected {wanted} fields, found {len(fields)}: [{' '.join(fields)}]")
    # Always six: with five cronsim shifts what a change of the clocks skips, upstream leaves it out
    fields = ["0", *fields] if len(fields) == 5 else fields
    return CronSchedule(" ".join(map(_read, fields, _FIELDS)), zone=zone)


def parse_zone(name: str) -> tzinfo:
    """Find a time zone.

    Raises:
        ValueError: There is none of that name.
    """
    if name.lower() == "local":
        raise ValueError(f"unknown time zone {name}")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise ValueError(f"unknown time zone {name}") from err


def _read(text: str, field: _Field) -> str:
    """Check one field and write it in numbers."""
    return ",".join(_read_part(part, field) for part in text.split(","))


def _read_part(part: str, field: _Field) -> str:
    span, slash, step_text = part.partition("/")
    step = _number(step_text, {}) if slash else 1
    if step < 1:
        raise ValueError(f"step of range should be a positive number: {part}")
    if span in ("*", "?"):
        # "*/2" is no "*" where a day and a weekday are both named: either will do then
        return "*" if step == 1 else f"{field.low}-{field.high}/{step}"
    first, dash, last = span.partition("-")
    start = _number(first, field.names)
    end = _number(last, field.names) if dash else (field.high if slash else start)
    if start < field.low:
        raise ValueError(f"beginning of range ({start}) below minimum ({field.low}): {part}")
    if end > field.high:
        raise ValueError(f"end of range ({end}) above maximum ({field.high}): {part}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    # cronsim takes "5/2" and "5-5/2" for "from 5 on"
    return str(start) if start == end else f"{start}-{end}/{step}"


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ValueError(f"failed to parse number: {text!r}")
    return int(text)
