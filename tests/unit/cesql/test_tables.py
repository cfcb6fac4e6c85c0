"""The specification's own cases, one test each."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from wakeful.cesql import ParseError, evaluate, parse

TABLES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("cases.yaml").read_text()
)
CASES = [
    pytest.param(case, id=f"{group}-{number}")
    for group, cases in TABLES.items()
    for number, case in enumerate(cases)
]
REQUIRED = {"specversion": "1.0", "id": "an-id", "source": "/a", "type": "a.type"}


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    attributes = REQUIRED | case.get("event", {})
    error = case.get("error")
    if error == "parse":
        with pytest.raises(ParseError):
            parse(case["is"])
        return

    result = evaluate(parse(case["is"]), attributes.get)

    assert [e.kind for e in result.errors] == ([error] if error else [])
    if "value" in case:
        assert (type(result.value), result.value) == (type(case["value"]), case["value"])
