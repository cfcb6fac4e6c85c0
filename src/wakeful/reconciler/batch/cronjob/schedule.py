"""Which start of a cron job is due, and when the next one is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wakeful.apis.batch.cron import CronSchedule

_MANY = 100


@dataclass(frozen=True, slots=True)
class Due:
    """The most recent start that was not made yet, and the next one to come."""

    last: datetime | None
    next: datetime | None
    missed: int = 0
    """Starts before ``last`` that were never made; counting stops at a hundred."""


def find_due(schedule: CronSchedule, since: datetime, now: datetime) -> Due:
    """Look through the starts in ``(since, now]``."""
    last, count = None, 0
    moment = schedule.next_after(since)
    while moment is not None and moment <= now:
        following = schedule.next_after(moment)
        last, count = moment, count + 1
        if count == _MANY and following is not None and following <= now:
            moment = _skip(schedule, following - moment, now) or following
            continue
        moment = following
    return Due(last, moment, max(0, count - 1))


def _skip(schedule: CronSchedule, interval: timedelta, now: datetime) -> datetime | None:
    """Jump close to the present; nobody makes up for what is long past."""
    near = schedule.next_after(now - 2 * interval)
    return near if near is not None and near <= now else None
