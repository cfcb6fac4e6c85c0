"""A sandbox runtime with its own procd, bridge and directories for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wakeful.node.runtime import ContainerConfig, LogPolicy
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.node.runtime.sandbox import SandboxRuntime
from wakeful.procd import control
from wakeful.procd.client import ProcdClient


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that no other user can look into, like a home."""
    path = Path(tempfile.mkdtemp(prefix="runtime-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def run_dir(place: Path) -> Iterator[Path]:
    path = place / "run"
    read, write = os.pipe()
    process = subprocess.Popen(control.procd_argv(path, ready_fd=write), pass_fds=[write], cwd="/")
    os.close(write)
    with os.fdopen(read) as ready:
        assert ready.readline() == "ready\n"
    yield path
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture
async def procd(run_dir: Path) -> AsyncIterator[ProcdClient]:
    async with await ProcdClient.connect(run_dir) as client:
        yield client


@pytest.fixture
def settings(place: Path) -> RuntimeSettings:
    return RuntimeSettings(root=place / "node", hidden=[place], pool_size=2)


@pytest.fixture
async def runtime(procd: ProcdClient, settings: RuntimeSettings) -> AsyncIterator[SandboxRuntime]:
    if os.geteuid() != 0:
        pytest.skip("own network namespaces and user mappings need root")
    runtime = await open_sandbox_runtime(procd, settings)
    await runtime.start()
    yield runtime
    await runtime.shutdown()


Container = Callable[..., ContainerConfig]


@pytest.fixture
def container(place: Path) -> Container:
    """Make configurations that differ from a plain shell in what the test is about."""

    def make(script: str = "", **options: Any) -> ContainerConfig:
        options.setdefault("name", "main")
        options.setdefault("argv", ["/bin/sh", "-c", script])
        name = f"{options['name']}.{options.get('attempt', 0)}.log"
        options.setdefault("log", LogPolicy(path=place / "logs" / name))
        return ContainerConfig(**options)

    return make


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with a shell, as a directory that an image was unpacked into."""
    root = tmp_path_factory.mktemp("image") / "rootfs"
    for name in ("bin", "etc", "root", "srv"):
        (root / name).mkdir(parents=True)
    (root / "root").chmod(0o700)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n")
    (root / "etc" / "shadow").write_text("root:*:\n")
    (root / "etc" / "shadow").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(root / "srv", 33, 33)
    programs = ["/bin/sh", "/bin/ls", "/bin/cat", "/usr/bin/id", "/bin/chown", "/bin/sleep"]
    for program in [*programs, "/bin/rm", "/bin/touch", "/usr/bin/stat", "/usr/bin/tty"]:
        real = Path(program).resolve()
        shutil.copy(real, root / "bin" / Path(program).name)
        listing = subprocess.run(["ldd", real], capture_output=True, text=True, check=True).stdout
        for word in listing.split():
            if word.startswith("/"):
                target = root / word.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(word).resolve(), target)
    return root
