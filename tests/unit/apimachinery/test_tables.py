"""Cells of users' kinds, whatever their objects hold."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from wakeful.apimachinery.scheme import Column
from wakeful.apimachinery.tables import WIDE_NAME, column_definitions, render_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("string", "integer", "number", "boolean", "date", "odd")


@pytest.mark.parametrize("value", [1e308, -1e308, 2**63, -1, 1.5, True, "x", None, [1], {"a": 1}])
def test_every_cell_can_be_sent(value: object) -> None:
    columns = [Column(kind, ".spec.a", kind) for kind in KINDS]

    orjson.dumps(render_row(columns, {"metadata": {"name": "x"}, "spec": {"a": value}}, NOW))


def test_number_that_is_no_integer_shows_nothing() -> None:
    column = Column("A", ".a", "integer")

    named = {"metadata": {"name": "x"}}
    assert render_row([column], {"a": 1e308, **named}, NOW) == ["x", None]
    assert render_row([column], {"a": 3.0, **named}, NOW) == ["x", 3]


def test_name_is_first_unless_it_has_its_own_place() -> None:
    """Events show what happened; their names say nothing and come last, on request."""
    seen = Column("Last Seen", ".seen")
    event = {"metadata": {"name": "x"}, "seen": "2s"}

    assert render_row([seen], event, NOW) == ["x", "2s"]
    assert render_row([seen, WIDE_NAME], event, NOW) == ["2s", "x"]
    shown = [(c["name"], c["priority"]) for c in column_definitions([seen, WIDE_NAME])]
    assert shown == [("Last Seen", 0), ("Name", 1)]
