"""Requests are checked before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wakeful.procd.errors import SpecError
from wakeful.procd.spec import RestartPolicy, Spec
from wakeful.procd.types import DataFd, LogTarget, PassedFd, ProcessSpec, Restart, RestartMode


def test_what_the_client_says_is_what_the_server_reads() -> None:
    """Every field makes it across."""
    wire, fds = ProcessSpec(
        name="a",
        argv=["x", "y"],
        env={"K": "v"},
        cwd=Path("/tmp"),
        uid=1,
        gid=2,
        log=LogTarget(path=Path("/l"), max_bytes=5, max_files=2),
        fds={3: PassedFd(7), 4: DataFd("text")},
        restart=Restart(mode=RestartMode.ON_FAILURE, base_seconds=0.5, cap_seconds=3),
        rlimits={"nofile": 9},
        shutdown_rank=4,
        die_with_parent=True,
        meta={"m": [1]},
    ).to_wire()

    spec = Spec(wire)

    assert (spec.name, spec.argv, spec.env, spec.cwd) == ("a", ["x", "y"], {"K": "v"}, "/tmp")
    assert (spec.uid, spec.gid, spec.rlimits, spec.shutdown_rank) == (1, 2, {"nofile": 9}, 4)
    assert (spec.log_path, spec.log_max_bytes, spec.log_max_files) == ("/l", 5, 2)
    assert spec.fds == {"3": {"fd": 0}, "4": {"data": "text"}}
    assert fds == [7]
    assert (spec.restart.mode, spec.restart.base_s, spec.restart.cap_s) == ("on-failure", 0.5, 3)
    assert spec.needs_fork
    assert spec.meta == {"m": [1]}


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"name": "a"},
        {"name": "a", "argv": []},
        {"name": "a", "argv": [1]},
        {"name": "a", "argv": ["x\0"]},
        {"name": "a", "argv": ["x"], "env": {"A=B": "c"}},
        {"name": "a", "argv": ["x"], "env": {"A": 1}},
        {"name": "a", "argv": ["x"], "uid": "root"},
        {"name": "a", "argv": ["x"], "restart": {"mode": "sometimes"}},
        {"name": "a", "argv": ["x"], "signal_to": "all"},
    ],
)
def test_wrong_requests_are_refused(raw: dict[str, Any]) -> None:
    """With an error, not with a crash."""
    with pytest.raises(SpecError):
        Spec(raw)


def test_restart_delay_doubles_up_to_the_cap() -> None:
    """And the mode decides whether there is one."""
    policy = RestartPolicy({"mode": "on-failure", "base_s": 0.1, "cap_s": 1.0})

    assert [policy.delay(n) for n in (0, 1, 2, 5, 99)] == [0.1, 0.2, 0.4, 1.0, 1.0]
    assert policy.wants(1)
    assert not policy.wants(0)


def test_digest_tells_specs_apart() -> None:
    """Equal specs agree, and any change shows."""
    one = ProcessSpec(name="a", argv=["x"], env={"A": "1", "B": "2"})
    same = ProcessSpec(name="a", argv=["x"], env={"B": "2", "A": "1"})
    other = ProcessSpec(name="a", argv=["x"], env={"A": "1"})

    assert one.digest() == same.digest() != other.digest()
