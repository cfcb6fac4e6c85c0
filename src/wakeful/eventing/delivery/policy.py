"""When a delivery is tried again, and how long after. Pure: an outcome comes in, a step goes out.

The rules are those of Knative's event dispatcher: which answers are worth another attempt, how
linear and exponential waits grow, and when a subscriber's own ``Retry-After`` is listened to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

_RETRIED = frozenset(
    {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_TELLS_WHEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_LONGEST_WAIT_SECONDS = 24 * 3600.0
_MOST_DOUBLINGS = 32


class BackoffPolicy(StrEnum):
    """How waits grow; the values are those of the API."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A DeliverySpec in plain numbers. The default is a single attempt without a time limit."""

    retries: int = 0
    """Attempts after the first one."""
    backoff: BackoffPolicy | None = None
    delay_seconds: float | None = None
    """Without a policy or a delay, attempts follow each other at once."""
    timeout_seconds: float | None = None
    """Limit of each attempt."""
    retry_after_max_seconds: float | None = None
    """Most that a subscriber's Retry-After may ask for; None does not listen to it at all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to: an HTTP status, or None and the reason there was no answer."""

    status: int | None
    reason: str = ""
    retry_after: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the other side took the event."""
        return self.status is not None and is_success(self.status)


def is_success(status: int) -> bool:
    """2xx, nothing else."""
    return 200 <= status < 300


def is_retried(status: int | None) -> bool:
    """Whether another attempt may help: no answer, 404, 408, 409, 429 and every 5xx."""
    return status is None or status >= 500 or status in _RETRIED


def wait_before_retry(policy: RetryPolicy, retry: int, outcome: Outcome, now: datetime) -> float:
    """Return the seconds to wait before retry number ``retry``, counted from 0.

    Linear is ``delay * retry``, so the first retry is immediate; exponential is
    ``delay * 2**retry``.
    """
    wait = 0.0
    if policy.backoff is not None and policy.delay_seconds:
        if policy.backoff is BackoffPolicy.LINEAR:
            wait = policy.delay_seconds * retry
        else:
            wait = policy.delay_seconds * 2.0 ** min(retry, _MOST_DOUBLINGS)
    most = policy.retry_after_max_seconds
    if most and outcome.status in _TELLS_WHEN and outcome.retry_after:
        asked = parse_retry_after(outcome.retry_after, now)
        wait = max(wait, min(asked, most))
    return min(wait, _LONGEST_WAIT_SECONDS)


def next_retry(policy: RetryPolicy, attempts: int, outcome: Outcome, now: datetime) -> float | None:
    """Return the seconds until the next attempt, or None when this failure is final.

    ``attempts`` were made so far, the failed one included.
    """
    if attempts > policy.retries or not is_retried(outcome.status):
        return None
    return wait_before_retry(policy, attempts - 1, outcome, now)


def parse_retry_after(value: str, now: datetime) -> float:
    """Seconds or an HTTP date; 0 for the past and for what is neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT_SECONDS)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
