from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.autoscaler.aggregation import (
    Aggregation,
    Window,
    make_window,
    panic_window_seconds,
)

T0 = 1_000.0


def filled(window: Window, *values: float, start: float = T0) -> Window:
    for second, value in enumerate(values):
        window.record(start + second, value)
    return window


def test_an_untouched_window_is_empty_and_zero() -> None:
    window = Window(5)

    assert window.is_empty(T0)
    assert window.average(T0) == 0


def test_a_young_window_averages_over_its_life_so_far() -> None:
    """Six seconds after the first write, the other 54 of the window do not count as zeros."""
    window = filled(Window(60), 10, 20, 30)

    assert window.average(T0 + 2) == 20


def test_several_writes_in_one_second_add_up() -> None:
    """Instances and the gate each report their part of the same second."""
    window = Window(5)
    window.record(T0 + 0.1, 3)
    window.record(T0 + 0.9, 4)

    assert window.average(T0 + 0.9) == 7


def test_a_gap_inside_counts_as_zero() -> None:
    window = Window(10)
    window.record(T0, 8)
    window.record(T0 + 3, 8)

    assert window.average(T0 + 3) == 4


def test_seconds_after_the_last_write_are_left_out() -> None:
    """Data that is late is not load that is gone: the average stays what it was."""
    window = filled(Window(5), 5, 5, 5, 5, 5)

    assert window.average(T0 + 4) == 5
    assert window.average(T0 + 6) == 5


def test_old_seconds_leave_the_window() -> None:
    window = filled(Window(3), 90, 1, 2, 3)

    assert window.average(T0 + 3) == 2


@pytest.mark.parametrize(
    ("silent", "average", "empty"), [(4, 2, False), (5, 0, True), (6, 0, True)]
)
def test_a_whole_window_of_silence_is_empty(silent: int, average: float, empty: bool) -> None:
    window = filled(Window(5), 1, 1, 1, 1, 2)
    now = T0 + 4 + silent

    assert window.average(now) == average
    assert window.is_empty(now) is empty


def test_a_write_after_a_silent_window_begins_a_new_life() -> None:
    window = filled(Window(5), 9, 9, 9, 9, 9)
    window.record(T0 + 20, 4)

    assert window.average(T0 + 20) == 4


def test_a_late_write_lands_in_its_own_second_if_that_is_still_inside() -> None:
    window = filled(Window(5), 2, 2, 2)
    window.record(T0 - 1, 2)
    window.record(T0 - 100, 1_000)

    assert window.average(T0 + 2) == 2


def test_averages_are_rounded_to_six_digits() -> None:
    assert filled(Window(3), 1, 0, 0).average(T0 + 2) == 0.333333


def test_growing_keeps_everything_and_shrinking_the_newest() -> None:
    window = filled(Window(4), 8, 6, 4, 2)

    window.resize(2, T0 + 3)
    assert window.average(T0 + 3) == 3
    window.resize(8, T0 + 3)
    assert window.average(T0 + 3) == 3
    window.record(T0 + 4, 6)
    assert window.average(T0 + 4) == 4


def test_resizing_a_stale_window_forgets() -> None:
    window = filled(Window(4), 8, 8, 8, 8)

    window.resize(6, T0 + 60)

    assert window.is_empty(T0 + 60)


def test_weights_fall_from_the_newest_second() -> None:
    """Five buckets: 1 - 0.0001^(1/5) = 0.841511 of the newest, and that of what is left, ..."""
    window = filled(make_window(5, Aggregation.WEIGHTED_EXPONENTIAL), 10, 10, 5, 5, 5)
    c = 0.8415106807

    expected = 5 * c + 5 * c * (1 - c) + 5 * c * (1 - c) ** 2
    expected += 10 * c * (1 - c) ** 3 + 10 * c * (1 - c) ** 4
    assert window.average(T0 + 4) == pytest.approx(expected, rel=1e-6)


def test_long_windows_never_weigh_the_newest_second_below_a_fifth() -> None:
    window = make_window(3600, Aggregation.WEIGHTED_EXPONENTIAL)
    window.record(T0, 100)

    assert window.average(T0) == pytest.approx(20)
    assert window.average(T0 + 2) == pytest.approx(20 * 0.8**2)


def test_a_weighted_window_is_zero_without_data() -> None:
    window = make_window(5, Aggregation.WEIGHTED_EXPONENTIAL)
    assert window.average(T0) == 0
    window.record(T0, 5)
    assert window.average(T0 + 6) == 0


@pytest.mark.parametrize(
    ("stable", "percentage", "panic"),
    [(60, 10, 6), (6, 10, 1), (6, 1, 1), (15, 10, 2), (14, 10, 1), (60, 100, 60), (3600, 1, 36)],
)
def test_the_panic_window_is_a_share_in_whole_seconds(
    stable: float, percentage: float, panic: float
) -> None:
    assert panic_window_seconds(stable, percentage) == panic


writes = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1_000)), min_size=1, max_size=60)


@given(writes, st.integers(1, 30), st.floats(0, 40))
def test_no_average_leaves_the_range_of_what_was_recorded(
    steps: list[tuple[float, float]], size: int, later: float
) -> None:
    """Whatever the gaps, an average is never above the largest second nor below zero."""
    window, now = Window(size), T0
    per_second: dict[int, float] = {}
    for pause, value in steps:
        now += pause
        window.record(now, value)
        per_second[int(now)] = per_second.get(int(now), 0.0) + value

    average = window.average(now + later)

    assert 0 <= average <= max(per_second.values()) + 1e-6


@given(st.integers(1, 30), st.lists(st.floats(0, 100), min_size=1, max_size=90))
def test_an_uninterrupted_window_is_the_mean_of_its_last_seconds(
    size: int, values: list[float]
) -> None:
    window = filled(Window(size), *values)

    last = values[-size:]
    assert window.average(T0 + len(values) - 1) == pytest.approx(sum(last) / len(last), abs=1e-6)
