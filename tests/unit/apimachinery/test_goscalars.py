from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apimachinery.goscalars import (
    OutOfRangeError,
    format_float,
    parse_bool,
    parse_float,
    parse_int,
)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a user wrote, the only possible failure is a ValueError."""
    for parse in (parse_float, parse_int, parse_bool):
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
