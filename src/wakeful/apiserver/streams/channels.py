"""The five channels of exec and attach, whatever carries them, and what flows between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import structlog

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apiserver.protocols import Channel, ExecOptions, ExecSession

log = structlog.get_logger("wakeful.apiserver.streams")


class ClientChannels(Protocol):
    """The client's end."""

    def stdin(self) -> AsyncIterator[bytes]:
        """What the client sends to standard input, until it ends it."""
        ...

    def sizes(self) -> AsyncIterator[tuple[int, int]]:
        """Width and height of the client's terminal, whenever they change."""
        ...

    async def send(self, channel: Channel, data: bytes) -> None:
        """Pass output on; waits while the client does not read."""
        ...

    async def finish(self, status: Mapping[str, Any]) -> None:
        """Say how it ended, and end every channel."""
        ...


def exit_status(code: int) -> dict[str, Any]:
    """The Status that makes kubectl exit with ``code``."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def run_session(
    session: ExecSession, client: ClientChannels, options: ExecOptions, *, attached: bool
) -> None:
    """Pass everything between a process and a client until the process ends.

    Cancellation: stops passing; the caller's context ends the process.
    """
    try:
        code = await _pass(session, client, options)
        status = exit_status(0 if attached else code)
    except* APIStatusError as group:
        error = group.exceptions[0]
        assert isinstance(error, APIStatusError)
        status = error.to_status()
    await client.finish(status)


async def _pass(session: ExecSession, client: ClientChannels, options: ExecOptions) -> int:
    async with asyncio.TaskGroup() as group:
        inputs = []
        if options.stdin:
            inputs.append(group.create_task(_pass_stdin(session, client), name="exec:stdin"))
        if options.tty:
            inputs.append(group.create_task(_pass_sizes(session, client), name="exec:sizes"))
        async for channel, data in session.output():
            wanted = options.stdout if channel == 1 else options.stderr
            if wanted:
                await client.send(channel, data)
        code = await session.wait()
        for task in inputs:
            task.cancel()
    return code


async def _pass_stdin(session: ExecSession, client: ClientChannels) -> None:
    try:
        async for data in client.stdin():
            await session.write(data)
        await session.close_stdin()
    except OSError as err:
        # A process may close its input before the client has sent everything.
        log.debug("standard input is closed", error=str(err))


async def _pass_sizes(session: ExecSession, client: ClientChannels) -> None:
    async for width, height in client.sizes():
        await session.resize(width, height)
