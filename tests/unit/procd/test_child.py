"""What children report before they are programs."""

from __future__ import annotations

import errno

import pytest

from wakeful.procd.child import failure_report, pid_report, read_result
from wakeful.procd.errors import LaunchError
from wakeful.procd.spec import Spec

SPEC = Spec({"name": "a", "argv": ["/bin/missing"]})
PID = 0x4D7D7  # bytes of which are no UTF-8


def test_a_program_that_was_started_has_said_nothing_but_its_pid() -> None:
    """Nothing at all when no namespaces were entered."""
    assert read_result(b"", SPEC) == 0
    assert read_result(pid_report(PID), SPEC) == PID


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_failures_are_understood_whoever_reports_first(order: slice) -> None:
    """A child may have failed before its parent tells which process it is."""
    reports = [pid_report(PID), failure_report(errno.ENOENT, "exec")][order]

    with pytest.raises(LaunchError, match="exec: No such file or directory: '/bin/missing'"):
        read_result(b"".join(reports), SPEC)
