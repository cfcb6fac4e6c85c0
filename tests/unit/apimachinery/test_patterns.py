"""Patterns of users: Go's syntax, and no text takes long."""

from __future__ import annotations

import time

import pytest

from wakeful.apimachinery.labels import parse_field_selector
from wakeful.apimachinery.patterns import (
    PatternError,
    check_pattern,
    matches,
    matches_whole,
    replace_all,
)
from wakeful.apimachinery.structural import StructuralSchema


def test_found_anywhere_or_from_end_to_end() -> None:
    assert matches("b+", "abbc")
    assert not matches_whole("b+", "abbc")
    assert matches_whole("é.", "é💥")
    assert not matches("^[0-9]$", "\ud800")
    assert matches("^.$", "\ud800")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(?<=a)b", "invalid or unsupported Perl syntax: `(?<=`"),
        ("[a-", "missing closing ]: `[a-`"),
        ("(", "missing closing ): `(`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"a\\\C", r"invalid escape sequence: `\C`"),
        ("(x{500}){5000}", "invalid repeat count: `{5000}`"),
        ("\\", "trailing backslash at end of expression: `\\`"),
        ("\ud800", r"invalid UTF-8: '\ud800'"),
    ],
)
def test_what_go_cannot_read_is_refused_in_its_words(pattern: str, problem: str) -> None:
    with pytest.raises(PatternError) as caught:
        check_pattern(pattern)
    assert str(caught.value) == f"error parsing regexp: {problem}"


def test_what_go_reads_is_read() -> None:
    """Where Python's and Rust's syntax differ from Go's."""
    for pattern in (r"\z", r"(?P<a>.)", r"\pL", r"\p{Greek}", r"\\C", r"\Q[\C\E", "[[:alpha:]]"):
        check_pattern(pattern)
    assert matches("[a&&b]", "&")
    assert not matches("^a$", "a\n")


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("[^a-z0-9]+", "", "This is $an Invalid5String ", "hisisannvalid5tring"),
        ("b*", "-", "abc", "-a-c-"),
        ("a*", "-", "éa", "-é-"),
        ("", "-", "a\u00e9\U0001f4a5", "-a-\u00e9-\U0001f4a5-"),
        ("(?m)$", ";", "a\nb", "a;\nb;"),
        ("(?P<x>a+)(b)?", "<$x|${2}|$$|$3|$1x|$>", "zaab", "z<aa|b|$|||$>"),
        ("(é)", r"\1$1", "é", r"\1é"),
        ("x", "\ud800", "xy", "\ufffdy"),
    ],
)
def test_replacing_is_as_in_go(pattern: str, replacement: str, text: str, result: str) -> None:
    assert replace_all(pattern, replacement, text) == result


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
