"""Other programs as calls: run one, get what it wrote; it never outlives whoever waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended, and what it wrote."""

    code: int
    """Negative for the signal that ended it."""
    output: bytes
    errors: bytes

    @property
    def problem(self) -> str:
        """The last line it complained with, or its exit code in words."""
        lines = self.errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


async def run_program(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> ProgramResult:
    """Run a program to its end, for at most ``seconds``; ``env`` replaces our own.

    Raises:
        OSError: It cannot be started.
        TimeoutError: It did not end in time.

    Cancellation, and a timeout too: the program and what it started are killed first.
    """
    async with running_program(
        argv, cwd=cwd, env=env, stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE
    ) as process:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate(stdin or None)
    return ProgramResult(process.returncode or 0, output, errors)


@asynccontextmanager
async def running_program(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    **pipes: Any,
) -> AsyncIterator[Process]:
    """Start a program; leaving the context kills it, and what it started, if it still runs.

    ``pipes`` are those of :func:`asyncio.create_subprocess_exec`.

    Raises:
        OSError: It cannot be started.
    """
    # A cancellation while it starts must not lose it: it may have started others by then.
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*argv, cwd=cwd, env=env, start_new_session=True, **pipes)
    )
    try:
        yield await asyncio.shield(starting)
    finally:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await _end(starting.result())


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
