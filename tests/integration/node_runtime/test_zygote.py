"""A Python program in a sandbox that waits before it begins, and goes on for another runtime."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from wakeful.node.runtime import ContainerConfig, ContainerState, Mount, SandboxConfig
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.node.zygote.channel import Notes, parking, recording
from wakeful.node.zygote.messages import Loaded, parse_message
from wakeful.node.zygote.recording import parse_recording
from wakeful.procd.client import ProcdClient

Container = Callable[..., ContainerConfig]
PYTHON = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(p).exists()), "")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="own network namespaces need root"),
    pytest.mark.skipif(not PYTHON, reason="the host has no Python that sandboxes see"),
]
SLOW = "import time, wave\ntime.sleep(0.3)\nat = time.time()\n"
MAIN = """
import os, slow, socket, sys
print(socket.gethostname(), os.environ["WORD"], "ZYGOTE" in str(os.environ), slow.at)
sys.exit(7)
"""


@pytest.fixture
def app(place: Path) -> Mount:
    folder = place / "app"
    folder.mkdir()
    (folder / "slow.py").write_text(SLOW)
    (folder / "main.py").write_text(MAIN)
    return Mount(folder, PurePosixPath("/srv/app"))


async def test_recorded_parked_kept_and_begun(
    run_dir: Path, settings: RuntimeSettings, container: Container, app: Mount, place: Path
) -> None:
    """What a first run imported is imported ahead; log and exit code are the program's own."""

    def run(name: str) -> ContainerConfig:
        argv, env = [PYTHON, "main.py"], {"WORD": name}
        return container(name=name, argv=argv, env=env, cwd="/srv/app", mounts=[app])

    async with await ProcdClient.connect(run_dir) as procd:
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="web-1"))
        notes = Notes.make()
        first = await runtime.start_container("pod", recording(run("first"), notes))
        assert (await runtime.wait_container(first.id)).exit_code == 7
        recipe = parse_recording(notes.read())
        notes.close()
        assert recipe is not None
        assert {"slow", "wave"} <= set(recipe.ahead)

        with parking(run("second"), recipe) as (config, fd):
            second = await runtime.start_container("pod", config)
            await runtime.keep(second.id, fd)
            os.close(fd)
        await runtime.aclose()

    async with await ProcdClient.connect(run_dir) as procd:
        runtime = await open_sandbox_runtime(procd, settings)
        await runtime.start()
        assert await runtime.kept(first.id) is None
        kept = await runtime.kept(second.id)
        assert kept is not None
        with socket.socket(fileno=kept) as sock:
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(30):
                told = parse_message((await loop.sock_recv(sock, 4096)).strip())
            assert isinstance(told, Loaded)
            assert told.milliseconds >= 300
            assert (await runtime.container(second.id)).state is ContainerState.RUNNING
            begun = time.time()
            sock.send(b"go\n")
            final = await runtime.wait_container(second.id)
        assert final.exit_code == 7
        logs = [(place / "logs" / f"{name}.0.log").read_text() for name in ("first", "second")]
        assert " web-1 first False " in logs[0]
        assert " web-1 second False " in logs[1]
        assert float(logs[1].split()[-1]) < begun, "its imports were behind it"

        await runtime.remove_container(second.id)
        assert not [name for name in await procd.held() if name.startswith("kept/")]
        await runtime.shutdown()
