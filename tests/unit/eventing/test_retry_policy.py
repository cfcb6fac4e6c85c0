"""Which failures are tried again, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wakeful.eventing.delivery import BackoffPolicy, Outcome, RetryPolicy, is_retried, next_retry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "retried"),
    [(None, True), (404, True), (408, True), (409, True), (429, True), (500, True), (599, True)]
    + [(status, False) for status in (100, 301, 307, 400, 401, 403, 410, 413, 422)],
)
def test_only_failures_that_may_pass_are_tried_again(status: int | None, retried: bool) -> None:
    assert is_retried(status) is retried


def waits(policy: RetryPolicy) -> list[float | None]:
    failed = Outcome(503)
    return [next_retry(policy, attempts, failed, NOW) for attempts in range(1, policy.retries + 2)]


def test_without_a_policy_there_is_one_attempt() -> None:
    assert waits(RetryPolicy()) == [None]


def test_linear_begins_at_once_and_exponential_with_one_delay() -> None:
    linear = RetryPolicy(3, BackoffPolicy.LINEAR, 0.5)
    exponential = RetryPolicy(4, BackoffPolicy.EXPONENTIAL, 0.2)

    assert waits(linear) == [0, 0.5, 1.0, None]
    assert waits(exponential) == [0.2, 0.4, 0.8, 1.6, None]


def test_without_policy_or_delay_retries_follow_at_once() -> None:
    assert waits(RetryPolicy(2, BackoffPolicy.EXPONENTIAL, None)) == [0, 0, None]
    assert waits(RetryPolicy(2, None, 1.0)) == [0, 0, None]


def test_many_doublings_stay_below_a_day() -> None:
    policy = RetryPolicy(10_000, BackoffPolicy.EXPONENTIAL, 3600.0)
    assert next_retry(policy, 10_000, Outcome(None), NOW) == 24 * 3600


def test_a_final_answer_ends_it() -> None:
    assert next_retry(RetryPolicy(5), 1, Outcome(400), NOW) is None


@pytest.mark.parametrize(
    ("value", "most", "status", "wait"),
    [
        ("7", 10.0, 429, 7.0),
        ("7", 10.0, 503, 7.0),
        ("70", 10.0, 429, 10.0),
        ("7", None, 429, 1.0),
        ("7", 0.0, 429, 1.0),
        ("7", 10.0, 500, 1.0),
        ("0", 10.0, 429, 1.0),
        ("Thu, 01 Jan 2026 00:00:05 GMT", 10.0, 503, 5.0),
        ("Thu, 01 Jan 2015 00:00:05 GMT", 10.0, 503, 1.0),
        ("soon", 10.0, 429, 1.0),
        ("²", 10.0, 429, 1.0),
    ],
)
def test_retry_after_counts_when_asked_for(
    value: str, most: float | None, status: int, wait: float
) -> None:
    policy = RetryPolicy(1, BackoffPolicy.EXPONENTIAL, 1.0, retry_after_max_seconds=most)
    assert next_retry(policy, 1, Outcome(status, retry_after=value), NOW) == wait
