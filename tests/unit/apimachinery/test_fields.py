from typing import Any

import pytest

from wakeful.apimachinery.fields import (
    FieldError,
    disallowed_fields,
    duplicate,
    forbidden,
    invalid,
    invalid_key_name,
    invalid_value,
    join,
    missing_field,
    missing_one_of,
    multiple_one_of,
    not_supported,
    out_of_bounds,
    required,
    to_causes,
    to_text,
    under,
    under_index,
    under_key,
)


@pytest.mark.parametrize(
    ("prefix", "path", "joined"),
    [
        ("a", "b", "a.b"),
        ("a", "", "a"),
        ("", "b", "b"),
        ("a", "[0]", "a[0]"),
        ("a", "[0].b", "a[0].b"),
        ("a", "[key]", "a[key]"),
        ("a", "[dotted.key]", "a.[dotted.key]"),
    ],
)
def test_paths_join_as_upstreams(prefix: str, path: str, joined: str) -> None:
    assert join(prefix, path) == joined


def test_prefixes_reach_every_path() -> None:
    errors = under("spec", under_index("containers", 0, [missing_field("name", "image")]))
    assert errors[0].paths == ("spec.containers[0].name", "spec.containers[0].image")
    assert under_key("env", "K", [missing_field("x")])[0].paths == ("env[K].x",)
    assert FieldError("odd").under("spec").paths == ("spec",)


def test_knatives_text_merges_equal_faults_and_sorts() -> None:
    errors = [
        missing_field("spec.b"),
        invalid_value("x", "spec.c", "must be y"),
        missing_field("spec.a"),
        disallowed_fields("spec.d"),
    ]
    assert to_text(errors) == (
        "invalid value: x: spec.c\n"
        "must be y\n"
        "missing field(s): spec.a, spec.b\n"
        "must not set the field(s): spec.d"
    )


def test_faults_are_sorted_by_message_not_by_line() -> None:
    assert to_text([FieldError("a b", ("x",)), FieldError("a", ("y",))]) == "a: y\na b: x"


def test_a_fault_without_a_path_keeps_its_colon() -> None:
    """As upstream prints it."""
    assert to_text([FieldError("something is wrong")]) == "something is wrong: "


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (missing_one_of("a", "b"), "expected exactly one, got neither: a, b"),
        (multiple_one_of("a", "b"), "expected exactly one, got both: a, b"),
        (out_of_bounds(601, 0, 600, "t"), "expected 0 <= 601 <= 600: t"),
        (invalid_key_name("K", "e", "why"), 'invalid key name "K": e\nwhy'),
        (invalid_value(True, "p"), "invalid value: true: p"),
        (invalid_value(None, "p"), "invalid value: <nil>: p"),
        (invalid_value(["a", "b"], "p"), "invalid value: [a b]: p"),
    ],
)
def test_knatives_words(error: FieldError, text: str) -> None:
    assert to_text([error]) == text


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (required("p"), "FieldValueRequired", "Required value"),
        (required("p", "why"), "FieldValueRequired", "Required value: why"),
        (invalid("p", "x", "why"), "FieldValueInvalid", 'Invalid value: "x": why'),
        (invalid("p", 3, "why"), "FieldValueInvalid", "Invalid value: 3: why"),
        (invalid("p", None, "why"), "FieldValueInvalid", "Invalid value: null: why"),
        (
            not_supported("p", "x", ["b", "a"]),
            "FieldValueNotSupported",
            'Unsupported value: "x": supported values: "a", "b"',
        ),
        (forbidden("p", "why"), "FieldValueForbidden", "Forbidden: why"),
        (duplicate("p", "x"), "FieldValueDuplicate", 'Duplicate value: "x"'),
    ],
)
def test_kubernetes_words(error: FieldError, reason: str, message: str) -> None:
    assert to_causes([error]) == [{"reason": reason, "message": message, "field": "p"}]


def test_one_cause_for_every_path() -> None:
    causes: list[dict[str, Any]] = list(to_causes([missing_field("a", "b"), FieldError("odd")]))
    assert [c["field"] for c in causes] == ["a", "b", ""]
