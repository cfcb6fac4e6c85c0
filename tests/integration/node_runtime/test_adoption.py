"""What survives the control plane, and what does not survive the runtime."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from wakeful.node.runtime import ContainerConfig, ContainerState, ExecConfig, SandboxConfig
from wakeful.node.runtime.leftovers import installation_key, remove_leftovers
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.procd import control
from wakeful.procd.client import ProcdClient
from wakeful.testing.waiting import eventually

Container = Callable[..., ContainerConfig]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="own network namespaces need root")


def key_of(settings: RuntimeSettings) -> str:
    return installation_key(settings.root)


def interfaces(settings: RuntimeSettings) -> list[Path]:
    return list(Path("/sys/class/net").glob(f"wk{key_of(settings)}*"))


async def test_a_new_runtime_adopts_what_an_old_one_started(
    run_dir: Path, settings: RuntimeSettings, container: Container
) -> None:
    """Running containers go on; ended ones are reported; new ones can be started beside them."""
    async with await ProcdClient.connect(run_dir) as procd:
        first = await open_sandbox_runtime(procd, settings)
        await first.start()
        labels = {"namespace": "default", "name": "hello"}
        before = await first.create_sandbox(SandboxConfig(id="pod", hostname="h", labels=labels))
        running = await first.start_container("pod", container("exec sleep 60", name="running"))
        ended = await first.start_container("pod", container("exit 7", name="ended"))
        await first.wait_container(ended.id)
        network = first.describe().pod_network
        await first.aclose()

    async with await ProcdClient.connect(run_dir) as procd:
        second = await open_sandbox_runtime(procd, settings)
        await second.start()
        assert second.describe().pod_network == network, "the network is adopted too"
        (found,) = await second.sandboxes()
        assert (found.id, found.ip, found.config.labels) == ("pod", before.ip, labels)
        states = {c.name: (c.state, c.exit_code, c.pid) for c in found.containers}
        assert states == {
            "running": (ContainerState.RUNNING, None, running.pid),
            "ended": (ContainerState.EXITED, 7, None),
        }
        other = await second.create_sandbox(SandboxConfig(id="other", hostname="o"))
        assert other.ip != found.ip
        process = await second.exec(running.id, ExecConfig(argv=["hostname"]))
        assert await process.stdout.read() == b"h\n"
        await process.aclose()
        assert (await second.stop_container(running.id, grace_seconds=30)).exit_code == 143
        await second.shutdown()


async def test_nothing_is_left_on_the_host(
    run_dir: Path, settings: RuntimeSettings, container: Container
) -> None:
    """Interfaces, control groups, mounts, processes, directories."""
    async with await ProcdClient.connect(run_dir) as procd:
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        assert len(interfaces(settings)) >= 3
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        await runtime.start_container("pod", container("exec sleep 5678"))

        await runtime.shutdown()

        assert interfaces(settings) == []
        assert await procd.list() == []
        assert await procd.held() == ()
    ours = (str(settings.root.parent), key_of(settings))
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    assert [line for line in mounts if any(part in line for part in ours)] == []
    assert list(settings.root.iterdir()) == []
    for directory in ("/run", "/dev/shm"):
        assert not list(Path(directory).glob(f"wakeful-*{key_of(settings)}*"))
    assert list(Path("/sys/fs/cgroup").glob(f"**/wakeful-{key_of(settings)}")) == []


async def test_after_procd_is_gone_sandboxes_are_known_but_dead(
    run_dir: Path, settings: RuntimeSettings, container: Container, place: Path
) -> None:
    """Their containers are unknown, not running, and removing them works."""
    async with await ProcdClient.connect(run_dir) as procd:
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        status = await runtime.start_container("pod", container("exec sleep 60"))
        state = await asyncio.to_thread(
            shutil.copytree, runtime._state / "sandboxes", place / "saved"
        )
        await runtime.shutdown()

        # Opened first: the place of one that is not locked is anybody's to remove.
        again = await open_sandbox_runtime(procd, settings)
        shutil.copytree(state, again._state / "sandboxes", dirs_exist_ok=True)
        await again.start()
        (found,) = await again.sandboxes()

        assert [c.state for c in found.containers] == [ContainerState.UNKNOWN]
        assert (await again.wait_container(status.id)).state is ContainerState.UNKNOWN
        await again.remove_sandbox("pod")
        assert await again.sandboxes() == ()
        await again.shutdown()


async def kill_with_an_instance(
    place: Path, settings: RuntimeSettings, container: Container
) -> None:
    """Kill procd under a runtime that runs ``sleep 6789``; return when that is gone."""
    run_dir = place / "killed"
    pid = control.start(run_dir)
    async with await ProcdClient.connect(run_dir) as procd:
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        await runtime.start_container("pod", container("exec sleep 6789"))
        await eventually(lambda: running("sleep", "6789"))

        os.kill(pid, signal.SIGKILL)
        await procd.wait_closed()
        await runtime.aclose()

    os.waitpid(pid, 0)  # noqa: ASYNC222 - it was killed
    await eventually(lambda: len(interfaces(settings)) <= 1 and not running("sleep", "6789"))


def groups(settings: RuntimeSettings) -> list[str]:
    name = f"wakeful-{key_of(settings)}"
    return [path for path, _, _ in os.walk("/sys/fs/cgroup") if name in path]


async def test_what_a_killed_procd_leaves_can_be_removed(
    place: Path, settings: RuntimeSettings, container: Container
) -> None:
    """Nothing that the runtime changed on the machine stays, without another start."""
    await kill_with_an_instance(place, settings, container)
    assert groups(settings)

    await remove_leftovers(settings.root)

    assert groups(settings) == []
    assert interfaces(settings) == []
    for directory in ("/run", "/dev/shm"):
        assert not list(Path(directory).glob(f"wakeful-*{key_of(settings)}*"))


async def test_killing_procd_takes_instances_and_networks_with_it(
    place: Path, settings: RuntimeSettings, container: Container
) -> None:
    """And the next installation removes the bridge that was left."""
    await kill_with_an_instance(place, settings, container)

    other = control.start(place / "other")
    try:
        async with await ProcdClient.connect(place / "other") as procd:
            runtime = await open_sandbox_runtime(
                procd, RuntimeSettings(root=place / "elsewhere", pool_size=1)
            )
            await runtime.start()
            assert interfaces(settings) == []
            for directory in ("/run", "/dev/shm"):
                assert not list(Path(directory).glob(f"wakeful-*{key_of(settings)}*"))
            await runtime.shutdown()
    finally:
        control.stop(place / "other")
        os.waitpid(other, 0)  # noqa: ASYNC222 - it has ended


def running(*argv: str) -> bool:
    wanted = b"".join(word.encode() + b"\0" for word in argv)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == wanted:
                return True
        except OSError:  # it ended meanwhile
            continue
    return False
