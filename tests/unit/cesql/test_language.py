"""What the tables leave open: binding, limits, unkind input."""

import time

import pytest

from wakeful.cesql import Function, ParseError, Result, evaluate, parse
from wakeful.cesql.like import compile_like

EVENT = {"id": "1", "source": "/a", "type": "t", "specversion": "1.0", "hop": 5, "beats": True}


def result(text: str) -> Result:
    return evaluate(parse(text), EVENT.get)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true OR true AND false", False),  # one rank, left to right
        ("false AND true OR true", True),
        ("true XOR true OR true", True),
        ("NOT false AND false", False),
        ("NOT hop LIKE '5'", False),  # NOT binds tighter than LIKE
        ("2 + 3 * 4 - 1", 13),
        ("2-1", 1),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("-2147483648", -2147483648),
        ("1 < 2 = true", True),
        ("'it''s'", "it's"),
        ("hop=5 and beats and type in ('s','t')", True),
        ("EXISTS hop AND NOT EXISTS pulse", True),
        ("TYPE = 't'", True),
        ("TRIM('\u2003 x\x1f')", "x\x1f"),
    ],
)
def test_value(text: str, value: object) -> None:
    assert result(text) == Result(value)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("2147483647 + 1", 0, "math"),
        ("LENGTH(LEFT('abc', -2))", 0, "functionEvaluation"),
        ("LEFT(LEFT('abc', -2), 1)", "", "functionEvaluation"),
        ("LEFT('abc', 'x')", "", "cast"),
        ("nope(1)", False, "missingFunction"),
        ("hop = 'x' OR pulse", False, "missingAttribute"),
        ("INT('99999999999')", 0, "cast"),
    ],
)
def test_error_is_a_value(text: str, value: object, kind: str) -> None:
    found = result(text)
    assert (found.value, [e.kind for e in found.errors]) == (value, [kind])
    assert not found.passes


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", 1),
        ("type = ", 8),
        ("type = 'x", 8),
        ("type == 'x'", 7),
        ("type = 'x' y", 12),
        ("a LIKE type", 8),
        ("a IN ()", 7),
        ("a IN 5", 6),
        ("a NOT 5", 7),
        ("a_b = 1", 1),
        ("5 & 6", 3),
        ("2147483648", 1),
        ("EXISTS 'x'", 8),
        ("f1(2)", 1),
    ],
)
def test_parse_error_says_where(text: str, where: int) -> None:
    with pytest.raises(ParseError, match=rf"at position {where}$"):
        parse(text)


def test_deep_nesting_is_refused_and_long_chains_are_not() -> None:
    for text in ("(" * 5000 + "1" + ")" * 5000, "-" * 5000 + "1", "NOT " * 5000 + "true"):
        with pytest.raises(ParseError, match="deeply"):
            parse(text)
    with pytest.raises(ParseError, match="in a row"):
        parse("1" + " + 1" * 5000)
    assert result(" OR ".join(f"id = '{n}'" for n in range(3000))).value is True


def test_like_takes_no_more_than_pattern_times_text() -> None:
    started = time.process_time()
    assert not compile_like("%a" * 200 + "b")("a" * 20_000)
    assert time.process_time() - started < 1
    assert compile_like("a%bc%c")("abcc")
    assert not compile_like("a%bc%c")("abc")
    assert compile_like("%")("")


def test_own_functions() -> None:
    functions = {"TWICE": [Function((int,), int, lambda n: n * 2)]}
    assert evaluate(parse("twice('4')", functions), EVENT.get) == Result(8)
