from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apimachinery.goscalars import (
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    OutOfRangeError,
    format_duration,
    format_float,
    parse_bool,
    parse_duration,
    parse_float,
    parse_int,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("5s", 5 * SECOND),
        ("30s", 30 * SECOND),
        ("1478s", 1478 * SECOND),
        ("-5s", -5 * SECOND),
        ("+5s", 5 * SECOND),
        ("-0", 0),
        ("5.0s", 5 * SECOND),
        ("5.6s", 5600 * MILLISECOND),
        ("5.s", 5 * SECOND),
        (".5s", 500 * MILLISECOND),
        ("10ns", 10),
        ("11us", 11_000),
        ("12µs", 12_000),
        ("12μs", 12_000),
        ("13ms", 13 * MILLISECOND),
        ("3h30m", 3 * HOUR + 30 * MINUTE),
        ("10.5s4m", 4 * MINUTE + 10_500 * MILLISECOND),
        ("1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4_005_006),
    ],
)
def test_durations_go_accepts_are_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("s", 'time: invalid duration "s"'),
        (".", 'time: invalid duration "."'),
        (" 3s", 'time: invalid duration " 3s"'),
        ("3", 'time: missing unit in duration "3"'),
        ("3s5", 'time: missing unit in duration "3s5"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("3 s", 'time: unknown unit " s" in duration "3 s"'),
        ("9999999999h", 'time: invalid duration "9999999999h"'),
    ],
)
def test_other_durations_are_refused_in_gos_words(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300 * MILLISECOND, "3.3s"),
        (4 * MINUTE + 5 * SECOND, "4m5s"),
        (5 * HOUR + 6 * MINUTE + 7001 * MILLISECOND, "5h6m7.001s"),
        (MINUTE, "1m0s"),
        (HOUR, "1h0m0s"),
        (-90 * SECOND, "-1m30s"),
    ],
)
def test_durations_are_written_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_a_written_duration_reads_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a user wrote, the only possible failure is a ValueError."""
    for parse in (parse_duration, parse_float, parse_int, parse_bool):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize("text", ["", "1_0", " 1", "0x10", "1.5", "one"])
def test_only_decimal_integers_are_integers(text: str) -> None:
    with pytest.raises(ValueError, match="invalid syntax"):
        parse_int(text)


def test_integers_keep_to_their_width() -> None:
    assert parse_int("2147483647", 32) == 2147483647
    assert parse_int("-2147483648", 32) == -2147483648
    for text in ("2147483648", "-2147483649", "9" * 5000):
        with pytest.raises(OutOfRangeError):
            parse_int(text, 32)


@pytest.mark.parametrize("text", ["NaN", "Inf", "-inf", "1e999", "1_0", "", " 1", "0x1p-2"])
def test_numbers_that_decide_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ParseFloat"):
        parse_float(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(70.0, "70"), (0.7, "0.7"), (-1.0, "-1"), (1e21, "1e+21"), (1e20, "1" + "0" * 20), (0, "0")],
)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert format_float(value) == text
