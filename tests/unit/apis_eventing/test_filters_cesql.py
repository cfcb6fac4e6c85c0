"""Expressions that cannot be read are refused with what is wrong and where."""

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apis.eventing.filter_validation import validate_filters


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"cesql": "type = 'x' AND EXISTS subject"}, ""),
        (
            {"cesql": "type = "},
            "invalid value: type = : [0].cesql\nthe expression ends too early at position 8",
        ),
        (
            {"not": {"cesql": "a LIKE b"}},
            'invalid value: a LIKE b: [0].not.cesql\n"b" is not expected at position 8',
        ),
    ],
)
def test_expressions(wanted: dict[str, object], text: str) -> None:
    assert to_text(validate_filters([wanted])) == text
