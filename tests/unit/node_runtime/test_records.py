"""State files, statuses, and the files in /etc."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wakeful.node.runtime import ContainerState, SandboxConfig, records
from wakeful.node.runtime.etc import hosts
from wakeful.node.runtime.network import Lease, NetworkError
from wakeful.node.runtime.network.bridge import choose_range
from wakeful.node.runtime.network.claims import BridgeNames
from wakeful.node.runtime.network.egress import ruleset
from wakeful.node.runtime.statuses import container_status
from wakeful.procd.types import ProcessState, ProcessStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_container(log: Path, **options: object) -> records.ContainerRecord:
    return records.ContainerRecord(
        id="pod/main/0",
        name="main",
        attempt=0,
        created_at=NOW,
        log_path=log,
        env={"A": "b"},
        cwd="/",
        uid=1,
        gid=2,
        groups=[3],
        capabilities=4,
        cgroup="pod.main-0",
        **options,
    )


def a_process(**options: object) -> ProcessStatus:
    values: dict[str, object] = {
        "name": "pod/pod/main/0",
        "state": ProcessState.EXITED,
        "pid": None,
        "argv": (),
        "started_at": NOW,
        "exited_at": NOW,
        "exit_code": 0,
        "signal": None,
        "restarts": 0,
        "log_path": None,
        "meta": {},
    }
    return ProcessStatus(**{**values, **options})


def test_records_survive_on_disk_and_are_private(tmp_path: Path) -> None:
    """They hold environments."""
    config = SandboxConfig(
        id="pod", hostname="h", labels={"name": "x"}, host_aliases={"127.0.0.9": ["a", "b"]}
    )
    record = records.SandboxRecord(
        config=config,
        created_at=NOW,
        lease=Lease("198.19.0.2", "netns/0", 0),
        containers={"pod/main/0": a_container(tmp_path / "l")},
    )

    records.save(record, tmp_path)

    assert records.load(tmp_path) == record
    assert (tmp_path / records.STATE_FILE).stat().st_mode & 0o777 == 0o600
    assert hosts(config, "198.19.0.2").splitlines()[-2:] == ["198.19.0.2\th", "127.0.0.9\ta b"]


def test_exit_codes_above_128_are_signals(tmp_path: Path) -> None:
    """The monitor of a sandbox reports them like a shell."""
    container = a_container(tmp_path / "l")

    status = container_status(container, a_process(exit_code=143), oom_kills=0)
    killed = container_status(container, a_process(exit_code=137), oom_kills=1)
    unknown = container_status(container, None, oom_kills=0)

    assert (status.state, status.signal, status.oom_killed) == (ContainerState.EXITED, 15, False)
    assert killed.oom_killed
    assert (unknown.state, unknown.exit_code) == (ContainerState.UNKNOWN, None)


@pytest.mark.parametrize(
    ("tail", "code", "error"),
    [
        ("bwrap: execvp nope: No such file or directory", 128, "exec nope: No such file or"),
        ("bwrap: Can't chdir to /x", 128, "Can't chdir to /x"),
        ("my own error", 1, ""),
    ],
)
def test_start_errors_are_told_from_failures(
    tmp_path: Path, tail: str, code: int, error: str
) -> None:
    """By who had the last word."""
    log = tmp_path / "l"
    log.write_text(f"2026-01-01T00:00:00.000000000Z stderr F {tail}\n")

    status = container_status(a_container(log), a_process(exit_code=1), oom_kills=0)

    assert status.exit_code == code
    assert status.start_error.startswith(error)
    assert bool(status.start_error) == bool(error)


def test_installations_share_the_range_by_slices() -> None:
    """And a range that is wholly taken is an error that names the other."""
    wanted = ipaddress.IPv4Network("198.19.0.0/16")
    first = choose_range(wanted, [])
    second = choose_range(wanted, [first])

    assert (str(first), str(second)) == ("198.19.0.0/21", "198.19.8.0/21")
    small = ipaddress.IPv4Network("198.19.8.0/24")
    assert choose_range(small, [first]) == small
    with pytest.raises(NetworkError, match="overlaps"):
        choose_range(small, [second])


def test_interface_names_fit_the_kernels_limit() -> None:
    """Fifteen characters."""
    names = BridgeNames("0123abcd")

    assert len(names.veth(2045)) <= 15
    assert names.veth(1) != names.veth(2)
    assert names.mac[0] & 3 == 2


def test_only_what_leaves_the_bridge_is_translated() -> None:
    """In a table of our own."""
    text = ruleset("wk0123abcd", "198.19.0.0/21")

    assert 'ip saddr 198.19.0.0/21 oifname != "wk0123abcd" masquerade' in text
