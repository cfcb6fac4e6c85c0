import pytest

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.labels import (
    EVERYTHING,
    LabelSelector,
    from_labels,
    parse_field_selector,
    parse_selector,
)

LABELS = {"app": "web", "tier": "front", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("missing=x", False),
        ("app in (web,api)", True),
        ("app in(web)", True),
        ("app in (api)", False),
        ("app notin (api)", True),
        ("app notin (web,api)", False),
        ("missing notin (web)", True),
        ("app", True),
        ("missing", False),
        ("!app", False),
        ("!missing", True),
        ("app=web,tier in (front, back),!missing", True),
        ("app=web,tier=back", False),
        ("empty=", True),
        (" app = web ", True),
        ("serving.knative.dev/service=x", False),
    ],
)
def test_selectors(text: str, matches: bool) -> None:
    selector = parse_selector(text)
    assert selector.matches(LABELS) is matches
    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize(
    "text",
    [
        "a,",
        "=b",
        "a b",
        "a=b c",
        "a in x",
        "a in (x",
        "a>1",
        "A/b=c",
        "a=" + "x" * 64,
        "-a",
        "a=b/c",
    ],
)
def test_what_is_no_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_selector(text)


def test_field_selectors() -> None:
    terms = parse_field_selector("metadata.name=x,status.phase!=Running,spec.a==b")
    assert [(t.key, t.operator, set(t.values)) for t in terms] == [
        ("metadata.name", "=", {"x"}),
        ("status.phase", "!=", {"Running"}),
        ("spec.a", "=", {"b"}),
    ]
    assert parse_field_selector(" ") == ()
    for bad in ("metadata.name", "a=b,", "=x"):
        with pytest.raises(BadRequestError):
            parse_field_selector(bad)


def test_label_selector_objects() -> None:
    selector = LabelSelector.from_wire(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front"]},
                {"key": "x", "operator": "DoesNotExist"},
                {"key": "app", "operator": "Exists"},
                {"key": "app", "operator": "NotIn", "values": ["api"]},
            ],
        }
    ).to_selector()
    assert selector.matches(LABELS)
    assert not selector.matches({"app": "web"})
    bad = LabelSelector.from_wire({"matchExpressions": [{"key": "a", "operator": "Like"}]})
    with pytest.raises(BadRequestError, match="Like"):
        bad.to_selector()


def test_everything_and_nothing() -> None:
    assert not EVERYTHING
    assert EVERYTHING.matches({})
    assert from_labels({"a": "b"}).matches({"a": "b", "c": "d"})
