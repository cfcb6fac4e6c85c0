"""What remains where the machine allows less."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from wakeful.node.runtime import (
    ContainerConfig,
    ContainerStartError,
    ExecConfig,
    Isolation,
    Mount,
    SandboxConfig,
)
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.procd.client import ProcdClient
from wakeful.testing.waiting import eventually

Container = Callable[..., ContainerConfig]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def lines(path: Path) -> list[str]:
    return [line.split(" ", 3)[3] for line in path.read_text().splitlines()]


@needs_root
async def test_plain_processes_say_what_they_lack(
    procd: ProcdClient, settings: RuntimeSettings, container: Container, place: Path, image: Path
) -> None:
    """They run as another user at least, find their mounts, and leave nothing behind."""
    place.chmod(0o755)
    (place / "app").mkdir()
    (place / "app" / "data").write_text("from the mount\n")
    runtime = await open_sandbox_runtime(procd, replace(settings, isolation="process"))
    await runtime.start()
    try:
        info = runtime.describe()
        assert info.isolation is Isolation.PROCESS
        assert not info.user_mapping
        assert any("plain processes" in note for note in info.notes)
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        mount = Mount(place / "app", PurePosixPath("/app"))
        script = "id -u; cat $FILE; setsid sleep 3141 & exit 3"
        config = container(script, mounts=[mount], env={"FILE": "/app/data", "PATH": "/bin"})
        started = await runtime.start_container("pod", config)
        status = await runtime.wait_container(started.id)
        assert status.exit_code == 3
        assert lines(status.log_path) == ["65532", "from the mount"]
        with pytest.raises(ContainerStartError, match="need a sandbox"):
            await runtime.start_container("pod", container(name="image", rootfs=image))
    finally:
        await runtime.shutdown()
    await eventually(lambda: not _runs(b"sleep\x003141"))


@needs_root
async def test_plain_processes_reach_files_that_are_closed_to_others(
    procd: ProcdClient, settings: RuntimeSettings, container: Container, place: Path
) -> None:
    """Built images lie in a data directory that only its owner may enter."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    (closed / "app").mkdir()
    (closed / "app" / "data").write_text("from the mount\n")
    runtime = await open_sandbox_runtime(procd, replace(settings, isolation="process"))
    await runtime.start()
    try:
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        mount = Mount(closed / "app", PurePosixPath("/app"))
        script = "id -u; cat $FILE; grep CapEff /proc/self/status"
        config = container(
            script, mounts=[mount], env={"FILE": "/app/data", "PATH": "/bin:/usr/bin"}
        )
        started = await runtime.start_container("pod", config)
        status = await runtime.wait_container(started.id)
        assert lines(status.log_path) == ["0", "from the mount", "CapEff:\t0000000000000000"]
    finally:
        await runtime.shutdown()


def _runs(command: bytes) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            if command in path.read_bytes():
                return True
    return False


@needs_root
async def test_host_network_when_asked_for(
    procd: ProcdClient, settings: RuntimeSettings, container: Container
) -> None:
    """For all pods by the settings; the note says so."""
    runtime = await open_sandbox_runtime(procd, replace(settings, network="host"))
    await runtime.start()
    try:
        info = runtime.describe()
        assert info.pod_network is None
        assert info.isolation is Isolation.SANDBOX
        sandbox = await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        assert (sandbox.ip, sandbox.host_network) == ("127.0.0.1", True)
        server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ask = f"import socket; print(socket.create_connection(('127.0.0.1', {port})).recv(1))"
        async with server:
            started = await runtime.start_container("pod", container(argv=["python3", "-c", ask]))
            status = await runtime.wait_container(started.id)
        assert lines(status.log_path) == ["b''"]
    finally:
        await runtime.shutdown()


@needs_root
async def test_one_pod_may_share_the_hosts_network(
    procd: ProcdClient, settings: RuntimeSettings, container: Container
) -> None:
    """As ``hostNetwork`` asks, beside others with their own."""
    runtime = await open_sandbox_runtime(procd, settings)
    await runtime.start()
    try:
        sandbox = await runtime.create_sandbox(
            SandboxConfig(id="pod", hostname="h", host_network=True)
        )
        assert sandbox.ip == "127.0.0.1"
        started = await runtime.start_container(
            "pod", container("readlink /proc/self/ns/net; readlink /proc/self/ns/pid")
        )
        status = await runtime.wait_container(started.id)
        network, pids = lines(status.log_path)
        assert network == str(Path("/proc/self/ns/net").readlink())
        assert pids != str(Path("/proc/self/ns/pid").readlink())
    finally:
        await runtime.shutdown()


@needs_root
async def test_layers_can_be_kept_in_memory(
    procd: ProcdClient, settings: RuntimeSettings, container: Container, image: Path
) -> None:
    """As the runtime does when the disk's file system is an overlay itself."""
    runtime = await open_sandbox_runtime(procd, settings)
    await runtime.start()
    try:
        runtime._launcher._layers_in_memory = True
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        started = await runtime.start_container("pod", container("exec sleep 60", rootfs=image))
        mounts = Path(f"/proc/{(await procd.info()).pid}/mountinfo")
        await eventually(lambda: "/s/pod.main-0" not in mounts.read_text())

        script = "touch /etc/new /tmp/x && ls /etc/new; stat -c '%u %a' /"
        process = await runtime.exec(started.id, ExecConfig(argv=["/bin/sh", "-c", script]))
        assert await process.stdout.read() == b"/etc/new\n0 755\n"
        await process.aclose()
        assert not list(settings.root.glob("layers/*/upper/etc"))
    finally:
        await runtime.shutdown()


ROOTLESS = r"""
import asyncio, os, sys
from pathlib import Path, PurePosixPath
from wakeful.node.runtime import ContainerConfig, ExecConfig, LogPolicy, Mount, SandboxConfig
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.procd import control
from wakeful.procd.client import ProcdClient
from wakeful.testing.waiting import eventually

async def main(place, image):
    async with await ProcdClient.connect(place / "run") as procd:
        settings = RuntimeSettings(root=place / "node", hidden=[place])
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        info = runtime.describe()
        print(info.isolation.value, info.user_mapping, info.pod_network)
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="rootless"))
        mounts = [Mount(place / "volume", PurePosixPath("/etc/config"))]
        for name, rootfs, lines in (("host", None, 4), ("image", image, 3)):
            started = await runtime.start_container("pod", ContainerConfig(
                name=name, rootfs=rootfs, log=LogPolicy(path=place / f"{name}.log"), mounts=mounts,
                argv=["/bin/sh", "-c", (
                    "id -u; hostname; cat /etc/config/f; touch /etc/new; sleep 60" if name == "host"
                    else "id -u; cat /etc/config/f; touch /etc/new; ls /etc/new; sleep 60"
                )],
            ))
            log = place / f"{name}.log"
            await eventually(lambda: log.exists() and log.read_text().count("\n") >= lines)
            for line in log.read_text().splitlines():
                print(line.split(" ", 3)[3])
            config = ExecConfig(argv=["/bin/sh", "-c", "id -u; exit 3"])
            process = await runtime.exec(started.id, config)
            print("exec", (await process.stdout.read()).decode().strip(), await process.wait())
            await process.aclose()
            print("stop", (await runtime.stop_container(started.id, grace_seconds=30)).exit_code)
        await runtime.shutdown()

place, image = Path(sys.argv[1]), Path(sys.argv[2])
control.start(place / "run")
try:
    asyncio.run(main(place, image))
finally:
    control.stop(place / "run")
"""


@needs_root
def test_ordinary_users_have_sandboxes_too(image: Path) -> None:
    """Own user namespaces instead of ours, the host's network, the same behaviour otherwise."""
    nobody = 65533
    python = next(
        (p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if _can_run(p, nobody)), None
    )
    if python is None:
        pytest.skip("no Python that other users can run and that has our dependencies")
    place = Path(tempfile.mkdtemp(prefix="rootless-", dir="/tmp"))
    try:
        (place / "volume").mkdir()
        (place / "volume" / "f").write_text("config\n")
        shutil.copytree(image, place / "image", symlinks=True)
        for path in (place, *place.rglob("*")):
            os.chown(path, nobody, nobody, follow_symlinks=False)
        result = subprocess.run(
            [python, "-c", textwrap.dedent(ROOTLESS), str(place), str(place / "image")],
            capture_output=True,
            text=True,
            check=False,
            user=nobody,
            group=nobody,
            extra_groups=[],
            cwd="/",
            env=_paths(),
            timeout=250,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines() == [
            "Sandbox True None",
            "65532",
            "rootless",
            "config",
            "touch: cannot touch '/etc/new': Read-only file system",
            "exec 65532 3",
            "stop 143",
            "0",
            "config",
            "/etc/new",
            "exec 0 3",
            "stop 143",
        ]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _paths() -> dict[str, str]:
    return {
        "PYTHONPATH": ":".join(p for p in sys.path if p),
        "HOME": "/tmp",
        "PATH": "/usr/bin:/bin",
    }


def _can_run(python: str, user: int) -> bool:
    if not Path(python).exists():
        return False
    check = "import sys, wakeful.node.runtime.probe; assert sys.version_info[:2] == tuple(%r)"
    return (
        subprocess.run(
            [python, "-c", check % (list(sys.version_info[:2]),)],
            user=user,
            group=user,
            extra_groups=[],
            cwd="/",
            env=_paths(),
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
