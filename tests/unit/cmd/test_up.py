"""What ``up`` says when the platform does not come up."""

from __future__ import annotations

import pytest

from wakeful.cmd.up import last_words

RECORD = '{"event": "envoy connected"}'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "its log is empty"),
        ([RECORD, "port 6443: address already in use"], "port 6443: address already in use"),
        ([RECORD, "a", "b", "c", "d"], "b / c / d"),
        (["old words", RECORD, RECORD], f"old words / {RECORD} / {RECORD}"),
    ],
)
def test_the_message_of_the_control_plane_is_what_it_said_last(
    lines: list[str], expected: str
) -> None:
    """Records of its log are shown only when it left no message."""
    assert last_words(lines) == expected
