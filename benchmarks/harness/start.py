"""How long a program itself takes from its start until it listens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from harness.http import until_listening
from wakeful.node.runtime import ContainerConfig, LogPolicy, Mount, SandboxConfig
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.oci import RootfsPlan
from wakeful.oci.layout import LayoutStore
from wakeful.procd import control
from wakeful.procd.client import ProcdClient

PORT = 8080


async def image_plan(images: Path, image: str) -> RootfsPlan:
    """Return how an image of a platform's store is run."""
    return await LayoutStore(images).unpack(image)


def plain_start(plan: RootfsPlan) -> float:
    """Start the image's program as a plain process; return seconds until it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = dict(plan.env) | {"PORT": str(port), "PATH": os.environ["PATH"]}
    code = next(Path(m.source) for m in plan.mounts if str(m.target) == plan.workdir)
    begun = time.perf_counter()
    process = subprocess.Popen(
        plan.argv([], []), cwd=code, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return until_listening(("127.0.0.1", port)) - begun
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@asynccontextmanager
async def sandbox_starts(plan: RootfsPlan) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Yield a coroutine function that starts the program as the platform does.

    It has its own process supervisor, so that nothing of the platform that is measured is touched.
    The sandbox with its network stands ready, as it does in the platform's pool; what is timed is
    the container: bubblewrap, then the program, until it listens.
    """
    with tempfile.TemporaryDirectory(prefix="wakeful-start-") as folder:
        root = Path(folder)
        await asyncio.to_thread(control.start, root / "run")
        try:
            async with await ProcdClient.connect(root / "run") as procd:
                runtime = await open_sandbox_runtime(
                    procd, RuntimeSettings(root=root / "sandboxes", pool_size=2)
                )
                await runtime.start()
                count = 0

                async def start() -> float:
                    nonlocal count
                    count += 1
                    sandbox = await runtime.create_sandbox(
                        SandboxConfig(id=f"start-{count}", hostname="start")
                    )
                    config = ContainerConfig(
                        name="user-container",
                        argv=plan.argv([], []),
                        env=dict(plan.env) | {"PORT": str(PORT), "PATH": os.environ["PATH"]},
                        cwd=plan.workdir,
                        rootfs=plan.rootfs,
                        mounts=[
                            Mount(m.source, m.target, map_owners=plan.rootfs is not None)
                            for m in plan.mounts
                        ],
                        log=LogPolicy(path=root / f"{count}.log"),
                    )
                    begun = time.perf_counter()
                    await runtime.start_container(sandbox.id, config)
                    took = until_listening((sandbox.ip, PORT)) - begun
                    await runtime.remove_sandbox(sandbox.id)
                    return took

                try:
                    yield start
                finally:
                    await runtime.shutdown()
        finally:
            await asyncio.to_thread(control.stop, root / "run", grace_seconds=2)
