"""Control groups as files; the kernel is played by plain directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from wakeful.node.runtime.cgroups import (
    CgroupV1,
    CgroupV2,
    cpu_quota_us,
    cpu_shares,
    cpu_weight,
    find_cgroups,
    find_leftovers,
)
from wakeful.node.runtime.types import ResourceLimits

LIMITS = ResourceLimits(cpu_millis=250, cpu_request_millis=100, memory_bytes=1 << 20, pids=9)


def test_numbers_are_the_kubelets() -> None:
    """Shares, weight and quota for requests and limits."""
    assert [cpu_shares(m) for m in (0, 1, 100, 1000)] == [2, 2, 102, 1024]
    assert [cpu_weight(s) for s in (2, 1024, 262_144)] == [1, 39, 10_000]
    assert [cpu_quota_us(m) for m in (1, 250, 2000)] == [1000, 25_000, 200_000]


def test_version_1_writes_limits_to_each_hierarchy(tmp_path: Path) -> None:
    """And reads figures back."""
    roots = {name: tmp_path / name for name in ("memory", "cpu", "cpuacct", "pids", "freezer")}
    for root in roots.values():
        root.mkdir()
    tree = CgroupV1(roots)

    made = tree.create("c", LIMITS)

    assert made == [str(root / "c") for root in roots.values()]
    assert tree.names() == ["c"]
    assert (roots["memory"] / "c/memory.limit_in_bytes").read_text() == "1048576"
    assert (roots["cpu"] / "c/cpu.cfs_quota_us").read_text() == "25000"
    assert (roots["cpu"] / "c/cpu.shares").read_text() == "102"
    assert (roots["pids"] / "c/pids.max").read_text() == "9"

    assert tree.usage("c") is None
    (roots["cpuacct"] / "c/cpuacct.usage").write_text("1500000000\n")
    (roots["memory"] / "c/memory.usage_in_bytes").write_text("900\n")
    (roots["memory"] / "c/memory.stat").write_text("total_rss 300\ntotal_inactive_file 400\n")
    (roots["memory"] / "c/memory.oom_control").write_text("under_oom 0\noom_kill 2\n")
    (roots["pids"] / "c/pids.current").write_text("3\n")
    usage = tree.usage("c")
    assert usage is not None
    assert (usage.cpu_seconds, usage.memory_bytes, usage.rss_bytes, usage.pids) == (
        1.5,
        500,
        300,
        3,
    )
    assert tree.oom_kills("c") == 2

    tree.freeze("c", True)
    assert tree.is_frozen("c")
    tree.freeze("c", False)
    assert not tree.is_frozen("c")


def test_version_2_hands_controllers_down(tmp_path: Path) -> None:
    """Then limits go to one directory."""
    (tmp_path / "cgroup.subtree_control").write_text("cpu io")
    root = tmp_path / "wakeful-1"
    root.mkdir()
    (root / "cgroup.subtree_control").write_text("")
    tree = CgroupV2(root)

    tree.prepare()
    (path,) = tree.create("c", LIMITS)
    made = Path(path)

    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (root / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert made == root / "c"
    assert (made / "memory.max").read_text() == "1048576"
    assert (made / "cpu.max").read_text() == "25000 100000"
    assert (made / "cpu.weight").read_text() == "4"
    (made / "cpu.stat").write_text("usage_usec 2500000\n")
    (made / "memory.current").write_text("900")
    (made / "memory.stat").write_text("anon 100\ninactive_file 200\n")
    (made / "memory.events").write_text("oom 1\noom_kill 1\n")
    (made / "pids.current").write_text("4")
    usage = tree.usage("c")
    assert usage is not None
    assert (usage.cpu_seconds, usage.memory_bytes, usage.rss_bytes, usage.pids) == (
        2.5,
        700,
        100,
        4,
    )
    assert tree.oom_kills("c") == 1
    tree.freeze("c", True)
    assert tree.is_frozen("c")
    (made / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert not tree.is_settled("c")
    (made / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert tree.is_settled("c")
    assert tree.binds("c") == [(path, "/sys/fs/cgroup")]


def machine(tmp_path: Path, mounts: str, membership: str) -> dict[str, Path]:
    (tmp_path / "mounts").write_text(mounts)
    (tmp_path / "proc" / "1").mkdir(parents=True)
    (tmp_path / "proc" / "1" / "cgroup").write_text(membership)
    return {"mounts": tmp_path / "mounts", "proc": tmp_path / "proc"}


def test_version_1_is_found_below_procds_own_group(tmp_path: Path) -> None:
    """So that limits on the platform hold for its containers."""
    for name in ("memory/limited", "cpu"):
        (tmp_path / name).mkdir(parents=True)
    paths = machine(
        tmp_path,
        f"cgroup {tmp_path}/memory cgroup rw,memory 0 0\n"
        f"cgroup {tmp_path}/cpu cgroup rw,cpu 0 0\n"
        f"cgroup {tmp_path}/cpuset cgroup rw,cpuset 0 0\n",
        "4:memory:/limited\n3:cpuset:/\n1:cpu:/\n0::/\n",
    )

    tree, reason = find_cgroups("ab", 1, **paths)

    assert reason == ""
    assert isinstance(tree, CgroupV1)
    assert tree.create("c", ResourceLimits()) == [
        f"{tmp_path}/memory/limited/wakeful-ab/c",
        f"{tmp_path}/cpu/wakeful-ab/c",
    ]
    assert (f"{tmp_path}/cpuset", "/sys/fs/cgroup/cpuset") in tree.binds("c")


def test_version_2_is_found_where_it_may_be_written(tmp_path: Path) -> None:
    """At the root, or in the delegated group above ours."""
    unified = tmp_path / "cg"
    slice_ = unified / "user.slice" / "me"
    (slice_ / "app.scope").mkdir(parents=True)
    (slice_ / "cgroup.subtree_control").write_text("memory cpu pids")
    # The kernel makes the file in new groups; here, only below our slice it can be there before.
    (slice_ / "wakeful-ab").mkdir()
    (slice_ / "wakeful-ab" / "cgroup.subtree_control").write_text("")
    paths = machine(
        tmp_path, f"cgroup2 {unified} cgroup2 rw 0 0\n", "0::/user.slice/me/app.scope\n"
    )

    tree, reason = find_cgroups("ab", 1, **paths)

    assert isinstance(tree, CgroupV2)
    assert reason == ""
    assert not (unified / "wakeful-ab").exists()


@pytest.mark.parametrize("mounts", ["", "cgroup2 {0}/none cgroup2 rw 0 0\n"])
def test_without_groups_there_is_a_reason(tmp_path: Path, mounts: str) -> None:
    """Which ``describe`` passes on."""
    paths = machine(tmp_path, mounts.format(tmp_path), "0::/\n")

    tree, reason = find_cgroups("ab", 1, **paths)

    assert tree is None
    assert "control groups" in reason


@pytest.mark.parametrize("kind", ["cgroup2", "cgroup"])
def test_leftovers_are_found_wherever_they_are(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    lines = [f"cgroup {tmp_path}/{c} {kind} rw,{c} 0 0\n" for c in ("memory", "pids")]
    mounts.write_text("".join(lines[: 1 if kind == "cgroup2" else 2]))
    for group in ("memory/a/b/wakeful-1234abcd", "pids/wakeful-1234abcd", "memory/wakeful-9"):
        (tmp_path / group / "pod.main-0").mkdir(parents=True)

    tree = find_leftovers("1234abcd", mounts=mounts)

    assert tree is not None
    assert tree.names() == ["pod.main-0"]
    assert find_leftovers("none", mounts=mounts) is None
