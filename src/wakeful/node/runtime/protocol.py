"""The role the agent builds against; ``SandboxRuntime`` and ``DockerRuntime`` fill it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerEvent,
    ContainerStatus,
    ExecConfig,
    RuntimeInfo,
    SandboxConfig,
    SandboxStats,
    SandboxStatus,
)


class ExecProcess(Protocol):
    """A program started by ``Runtime.exec``. Close it; it is killed if it still runs.

    With a terminal, ``stdout`` carries both directions of it and ``stderr`` is None.
    """

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """None unless asked for."""
        ...

    @property
    def stdout(self) -> asyncio.StreamReader:
        """At EOF when the program and all its children have closed it."""
        ...

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """None with a terminal."""
        ...

    async def wait(self) -> int:
        """Return the exit code, 128 + number when a signal ended it."""
        ...

    async def signal(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended."""
        ...

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal its new size; nothing happens without one."""
        ...

    async def aclose(self) -> None:
        """Close the streams and kill the program if it still runs."""
        ...


class Runtime(Protocol):
    """Runs sandboxes (the shared part of a Pod) and containers in them.

    All methods raise ``RuntimeOperationError`` or one of its children. Sandboxes and containers
    outlive this object and the process it lives in: ``start`` finds them again.
    """

    async def start(self) -> None:
        """Prepare: adopt what still runs, remove leftovers, fill the pool of networks."""
        ...

    async def aclose(self) -> None:
        """Let go of everything and leave sandboxes running."""
        ...

    async def shutdown(self) -> None:
        """Kill every sandbox and undo what was done to the host; ``aclose`` included."""
        ...

    def describe(self) -> RuntimeInfo:
        """Return what isolation is in force, and why not more."""
        ...

    async def create_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        """Make the network and the directories of a Pod; its address is known from here on.

        Raises:
            SandboxExistsError: There is one with this id.
        """
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in it and free everything; nothing happens when it does not exist.

        Logs stay: they are the agent's.
        """
        ...

    async def sandboxes(self) -> Sequence[SandboxStatus]:
        """Return every sandbox, adopted ones included."""
        ...

    async def sandbox(self, sandbox_id: str) -> SandboxStatus:
        """Return one sandbox, or raise ``SandboxNotFoundError``."""
        ...

    async def start_container(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start one run of a container and return as soon as it is on its way.

        A program that cannot be executed shows as an exit with ``start_error`` set.

        Raises:
            ContainerStartError: The configuration cannot be carried out.
        """
        ...

    async def signal_container(self, container_id: str, number: int) -> None:
        """Send a signal to the container's main process; nothing happens when it has ended."""
        ...

    async def stop_container(
        self, container_id: str, *, grace_seconds: float, first: int = signal.SIGTERM
    ) -> ContainerStatus:
        """Send ``first``, wait up to ``grace_seconds``, kill; return how it ended."""
        ...

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill every process of the container and return how it ended."""
        ...

    async def wait_container(self, container_id: str) -> ContainerStatus:
        """Return once it has ended; at once when it already has."""
        ...

    async def container(self, container_id: str) -> ContainerStatus:
        """Return one run, or raise ``ContainerNotFoundError``."""
        ...

    async def remove_container(self, container_id: str) -> None:
        """Forget an ended run and its writable layer (kill it if needed); log files stay."""
        ...

    async def exec(self, container_id: str, config: ExecConfig) -> ExecProcess:
        """Start a program in a running container.

        Raises:
            ContainerNotFoundError: It does not exist or has ended.
            ContainerStartError: The program cannot be executed.
        """
        ...

    async def stats(self, sandbox_id: str) -> SandboxStats:
        """Measure what its containers use."""
        ...

    async def keep(self, container_id: str, fd: int) -> None:
        """Keep a duplicate of ``fd`` for as long as the container is there, whoever ends before."""
        ...

    async def kept(self, container_id: str) -> int | None:
        """Return a duplicate of what is kept for a container, the caller's to close, or None."""
        ...

    async def freeze(self, sandbox_id: str) -> None:
        """Stop all its processes where they are. Raises when ``can_freeze`` is false."""
        ...

    async def thaw(self, sandbox_id: str) -> None:
        """Let them go on."""
        ...

    async def dial(
        self, sandbox_id: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port inside (port-forward), also one bound to 127.0.0.1 there."""
        ...

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[ContainerEvent]]:
        """Subscribe to starts and exits; iteration ends when the runtime closes.

        Nothing that happens after entering is missed, short of an OVERFLOW event.
        """
        ...
