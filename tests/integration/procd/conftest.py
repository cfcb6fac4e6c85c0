"""A real procd for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from wakeful.procd import control
from wakeful.procd.client import ProcdClient

AS_SCRIPTS_DO = ["/bin/sh", "-c", 'trap "" HUP INT QUIT; exec "$@"', "sh"]
"""What they start in the background ignores these signals."""


class RunningProcd:
    """A procd of our own, as a child so that its end can be awaited."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [*AS_SCRIPTS_DO, *control.procd_argv(run_dir, ready_fd=write)],
            pass_fds=[write],
            cwd="/",
        )
        os.close(write)
        with os.fdopen(read) as ready:
            assert ready.readline() == "ready\n"

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=60)


@pytest.fixture
def run_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="procd-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(run_dir: Path) -> Iterator[RunningProcd]:
    server = RunningProcd(run_dir)
    yield server
    server.close()


@pytest.fixture
async def procd(server: RunningProcd) -> AsyncIterator[ProcdClient]:
    async with await ProcdClient.connect(server.run_dir) as client:
        yield client
