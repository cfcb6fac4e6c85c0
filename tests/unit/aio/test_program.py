"""Programs as calls: what they wrote, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from wakeful.aio import run_program

_FOREVER = "echo $$ > parent; sleep 1000 & echo $! > child; wait"


async def test_what_a_program_wrote_is_returned() -> None:
    done = await run_program(("sh", "-c", "cat; echo one >&2; echo two >&2; exit 3"), stdin=b"in")

    assert (done.code, done.output, done.errors) == (3, b"in", b"one\ntwo\n")
    assert done.problem == "two"


async def test_a_silent_failure_is_told_by_its_code() -> None:
    assert (await run_program(("sh", "-c", "exit 4"))).problem == "exit code 4"


async def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        await run_program(("no-such-program",))


async def test_a_program_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await run_program(("sh", "-c", _FOREVER), cwd=tmp_path, seconds=0.5)

    await _gone(tmp_path)


async def test_a_program_does_not_outlive_who_waits_for_it(tmp_path: Path) -> None:
    waiting = asyncio.create_task(run_program(("sh", "-c", _FOREVER), cwd=tmp_path))
    child = tmp_path / "child"
    while not child.is_file() or not child.read_text():  # noqa: ASYNC110 - another program writes it
        await asyncio.sleep(0.01)

    waiting.cancel()
    await asyncio.wait([waiting])

    await _gone(tmp_path)


@pytest.mark.parametrize("turns", range(6))
async def test_a_program_that_is_just_being_started_is_killed_too(
    tmp_path: Path, turns: int
) -> None:
    waiting = asyncio.create_task(run_program(("sh", "-c", _FOREVER), cwd=tmp_path))
    for _ in range(turns):
        await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    await _gone(tmp_path)


async def _gone(directory: Path) -> None:
    """Return once both processes have ended; killed ones may have to be reaped by others."""
    for name in ("parent", "child"):
        path = directory / name
        pid = path.read_text().strip() if path.is_file() else ""  # killed before it was written
        while pid and _is_running(pid):  # noqa: ASYNC110 - the kernel has no event for it
            await asyncio.sleep(0.01)


def _is_running(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and os.getpgid(int(pid)) > 0
