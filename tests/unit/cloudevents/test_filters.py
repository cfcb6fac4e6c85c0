"""Filters of Triggers: every dialect, nesting, and what a store may preselect by."""

from typing import Any

import pytest

from wakeful.cloudevents import Event, ExactKeys, FilterError, compile_filters, exact_keys

EVENT = Event(
    id="1",
    source="/apis/v1/things",
    type="com.github.push",
    subject="a.jpg",
    time="2019-08-22T01:42:03.000Z",
    datacontenttype="Text/Plain; charset=utf-8",
    extensions={"count": 5, "beats": True, "empty": ""},
)


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (None, True),
        ({}, True),
        ({"attributes": {}}, True),
        ({"attributes": {"type": "com.github.push"}}, True),
        ({"attributes": {"type": "com.github.Push"}}, False),
        ({"attributes": {"type": "com.github.push", "source": "/other"}}, False),
        ({"attributes": {"count": "5", "beats": "true"}}, True),
        ({"attributes": {"subject": ""}}, True),  # only has to be there
        ({"attributes": {"empty": ""}}, False),
        ({"attributes": {"missing": ""}}, False),
        ({"attributes": {"datamediatype": "text/plain", "specversion": "1.0"}}, True),
        ({"attributes": {"time": "2019-08-22T01:42:03.000Z"}}, True),
        ({"sourceAndType": {"type": "com.github.push", "source": ""}}, True),
        ({"sourceAndType": {"type": "other", "source": ""}}, False),
    ],
)
def test_filter(wanted: dict[str, Any] | None, passes: bool) -> None:
    assert compile_filters(wanted).matches(EVENT) is passes


PUSH = {"exact": {"type": "com.github.push"}}
OTHER = {"exact": {"type": "other"}}


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ([PUSH], True),
        ([PUSH, OTHER], False),
        ([{"prefix": {"type": "com.", "source": "/apis"}}], True),
        ([{"prefix": {"missing": "x"}}], False),
        ([{"suffix": {"subject": ".jpg"}}], True),
        ([{"suffix": {"subject": ".png"}}], False),
        ([{"any": [OTHER, PUSH]}], True),
        ([{"all": [OTHER, PUSH]}], False),
        ([{"not": OTHER}], True),
        ([{"not": {"exact": {"missing": "x"}}}], True),
        ([{"all": [{"any": [OTHER, {"not": OTHER}]}, PUSH]}], True),
        ([{"cesql": "count > 4 AND beats"}], True),
        ([{"cesql": "missing = 'x' OR true"}], False),  # an error is a miss
        ([{"sql": "type LIKE 'com.%'"}], True),
        ([{"exact": None, "cesql": ""}], True),
    ],
)
def test_filters(wanted: list[dict[str, Any]], passes: bool) -> None:
    assert compile_filters({"attributes": {"type": "ignored"}}, wanted).matches(EVENT) is passes


def test_no_filters_fall_back_to_filter() -> None:
    assert not compile_filters({"attributes": {"type": "other"}}, []).matches(EVENT)


@pytest.mark.parametrize(
    "wanted",
    [
        {"exact": {"a": "b"}, "prefix": {"a": "b"}},
        {"like": {"a": "b"}},
        {"exact": {"a": 5}},
        {"exact": "a"},
        {"any": {"exact": {}}},
        {"not": [PUSH]},
        {"cesql": "a ="},
        {"cesql": 5},
    ],
)
def test_what_cannot_be_evaluated_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        compile_filters(None, [wanted])


def keys(*types: str, sources: frozenset[str] | None = None) -> ExactKeys:
    return ExactKeys(frozenset(types) if types else None, sources)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([PUSH], keys("com.github.push")),
        ([{"exact": {"source": "/a", "x": "y"}}], keys(sources=frozenset({"/a"}))),
        ([{"any": [PUSH, OTHER]}], keys("com.github.push", "other")),
        ([{"any": [PUSH, {"prefix": {"type": "x"}}]}], keys()),
        ([{"all": [{"any": [PUSH, OTHER]}, OTHER]}], keys("other")),
        ([{"not": PUSH}], keys()),
        ([{"cesql": "type = 'a' AND source = '/b'"}], keys("a", sources=frozenset({"/b"}))),
        ([{"cesql": "type IN ('a', 'b') OR 'c' = type"}], keys("a", "b", "c")),
        ([{"cesql": "type = 'a' OR id = 'b'"}], keys()),
        ([{"cesql": "type != 'a'"}], keys()),
        ([{"cesql": "type = 'a' XOR type = 'b'"}], keys()),
    ],
)
def test_exact_keys(wanted: list[dict[str, Any]], expected: ExactKeys) -> None:
    assert exact_keys(compile_filters(None, wanted)) == expected


def test_exact_keys_of_attributes() -> None:
    assert exact_keys(compile_filters({"attributes": {"type": "a", "source": ""}})) == keys("a")
