"""Patterns of users: Go's syntax, and no text takes long."""

from __future__ import annotations

import time

import pytest

from wakeful.apimachinery.labels import parse_field_selector
from wakeful.apimachinery.patterns import PatternError, check_pattern, matches, matches_whole
from wakeful.apimachinery.structural import StructuralSchema


def test_found_anywhere_or_from_end_to_end() -> None:
    assert matches("b+", "abbc")
    assert not matches_whole("b+", "abbc")
    assert matches_whole("é.", "é💥")
    assert not matches("^[0-9]$", "\ud800")


@pytest.mark.parametrize("pattern", ["(?<=a)b", "[a-", "(", r"\1", "(x{500}){5000}"])
def test_what_go_cannot_read_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="error parsing regexp: "):
        check_pattern(pattern)


def test_no_text_takes_long() -> None:
    """Python's own engine would need years for this."""
    schema = StructuralSchema({"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}})
    begun = time.process_time()

    assert schema.validate({"a": "a" * 200 + "!"})
    assert time.process_time() - begun < 5


def test_long_field_selector_takes_no_time() -> None:
    begun = time.process_time()

    (term,) = parse_field_selector("a= " + " " * 60_000 + "x")

    assert term.values == {"x"}
    assert time.process_time() - begun < 2
