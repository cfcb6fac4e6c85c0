"""From a DeliverySpec of the API to the numbers that deliveries go by. Pure."""

from __future__ import annotations

from wakeful.apimachinery.isoduration import parse_iso_duration
from wakeful.apis.duck import DeliverySpec
from wakeful.eventing.delivery.policy import BackoffPolicy, RetryPolicy


def retry_policy(
    delivery: DeliverySpec, *, longest_attempt_seconds: float | None = None
) -> RetryPolicy:
    """How often and how long to try; ``longest_attempt_seconds`` where no limit is given."""
    return RetryPolicy(
        retries=delivery.retry or 0,
        backoff=BackoffPolicy(delivery.backoff_policy) if delivery.backoff_policy else None,
        delay_seconds=_seconds(delivery.backoff_delay),
        timeout_seconds=_seconds(delivery.timeout) or longest_attempt_seconds,
        retry_after_max_seconds=_seconds(delivery.retry_after_max),
    )


def _seconds(text: str | None) -> float | None:
    return parse_iso_duration(text).total_seconds() if text else None
