"""A runtime without processes, and images without files: the node agent's world in tests."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wakeful.aio import Clock, SystemClock, first_of
from wakeful.node.runtime import (
    ContainerConfig,
    ContainerEvent,
    ContainerEventType,
    ContainerNotFoundError,
    ContainerStartError,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecConfig,
    Isolation,
    RuntimeInfo,
    RuntimeOperationError,
    SandboxConfig,
    SandboxExistsError,
    SandboxNotFoundError,
    SandboxStats,
    SandboxStatus,
)


@dataclass(frozen=True)
class Program:
    """How the containers of one name behave."""

    exits: int | None = None
    """Exit code with which it ends at once; None runs until it is told to end."""
    at_term: int | None = 0
    """Exit code at a signal to end; None ignores it."""
    output: Sequence[str] = ()
    """Lines it prints at once."""
    message: str = ""
    """What it leaves in ``/dev/termination-log``."""
    oom_killed: bool = False
    start_error: str = ""


class FakeExec:
    """A program that has ended before anybody could look."""

    stdin: asyncio.StreamWriter | None = None

    def __init__(self, code: int, output: bytes, *, tty: bool) -> None:
        self._code = code
        self.stdout = _ended_stream(output)
        self.stderr = None if tty else _ended_stream(b"")

    async def wait(self) -> int:
        """Return the exit code."""
        return self._code

    async def signal(self, number: int) -> None:
        """Nothing is there to be told."""
        del number

    async def resize(self, rows: int, columns: int) -> None:
        """Nothing has a terminal."""
        del rows, columns

    async def aclose(self) -> None:
        """Nothing is open."""


def _ended_stream(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


class FakeRuntime:
    """A ``Runtime`` in memory; it outlives agents as the real one outlives its process.

    ``programs`` say how containers behave, by name; ``exec_codes`` what commands return, and so
    exec probes; ``journal`` is what the agent asked for, in order. Sandboxes get addresses of the
    loopback network of their own, so that ``on_start`` can serve there.
    """

    def __init__(self, *, clock: Clock | None = None, pod_network: bool = True) -> None:
        self.programs: dict[str, Program] = {}
        self.exec_codes: dict[tuple[str, ...], int] = {}
        self.journal: list[str] = []
        self.configs: dict[str, ContainerConfig] = {}
        self.sandbox_error: RuntimeOperationError | None = None
        self.start_errors: dict[str, ContainerStartError] = {}
        self.on_start: Callable[[SandboxStatus, ContainerConfig], Awaitable[None]] | None = None
        self.stats_of: dict[str, ContainerStats] = {}
        self._clock = clock or SystemClock()
        self._pod_network = pod_network
        self._sandboxes: dict[str, SandboxStatus] = {}
        self._containers: dict[str, ContainerStatus] = {}
        self._ends: dict[str, asyncio.Future[ContainerStatus]] = {}
        self._count = 0
        self._subscribers: list[asyncio.Queue[ContainerEvent | None]] = []
        self._kept: dict[str, int] = {}

    # --- what tests do ----------------------------------------------------------------------------

    def newest(self, pod: str, container: str) -> ContainerStatus:
        """The newest run of a container, by the Pod's name."""
        runs = [
            c
            for c in self._containers.values()
            if c.name == container
            and self._sandboxes[c.sandbox_id].config.labels.get("name") == pod
        ]
        return max(runs, key=lambda c: c.attempt)

    def exit(self, pod: str, container: str, code: int = 0) -> None:
        """Have the newest run of a container end by itself."""
        self._end(self.newest(pod, container).id, code)

    def lose(self, sandbox_id: str) -> None:
        """Forget a sandbox and all in it, as when the machine was switched off."""
        del self._sandboxes[sandbox_id]
        self._containers = {k: c for k, c in self._containers.items() if c.sandbox_id != sandbox_id}

    @property
    def running(self) -> list[str]:
        """Ids of the containers that run."""
        return [c.id for c in self._containers.values() if c.state is ContainerState.RUNNING]

    # --- the role ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Nothing to prepare."""

    async def aclose(self) -> None:
        """Let go; everything goes on."""
        for queue in self._subscribers:
            queue.put_nowait(None)

    async def shutdown(self) -> None:
        """Kill everything."""
        for sandbox_id in list(self._sandboxes):
            await self.remove_sandbox(sandbox_id)
        await self.aclose()

    def describe(self) -> RuntimeInfo:
        """Pretend to be the real one."""
        return RuntimeInfo(
            name="sandbox",
            version="0",
            isolation=Isolation.SANDBOX,
            pod_network="127.0.0.0/8" if self._pod_network else None,
        )

    async def create_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        """Make a sandbox."""
        if self.sandbox_error is not None:
            raise self.sandbox_error
        if config.id in self._sandboxes:
            raise SandboxExistsError(config.id)
        self._count += 1
        own = self._pod_network and not config.host_network
        status = SandboxStatus(
            id=config.id,
            ip=f"127.77.{self._count // 250}.{self._count % 250 + 1}" if own else "127.0.0.1",
            host_network=not own,
            created_at=self._clock.now(),
            config=config,
        )
        self._sandboxes[config.id] = status
        self.journal.append(f"create {config.name}")
        return status

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in it and forget it."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        self.journal.append(f"remove {sandbox.config.name}")
        for container in list(self._containers.values()):
            if container.sandbox_id == sandbox_id:
                await self.remove_container(container.id)
        del self._sandboxes[sandbox_id]

    async def sandboxes(self) -> Sequence[SandboxStatus]:
        """All of them."""
        return [self._with_containers(s) for s in self._sandboxes.values()]

    async def sandbox(self, sandbox_id: str) -> SandboxStatus:
        """One of them."""
        if sandbox_id not in self._sandboxes:
            raise SandboxNotFoundError(sandbox_id)
        return self._with_containers(self._sandboxes[sandbox_id])

    def _with_containers(self, sandbox: SandboxStatus) -> SandboxStatus:
        inside = [c for c in self._containers.values() if c.sandbox_id == sandbox.id]
        return replace(sandbox, containers=tuple(inside))

    async def start_container(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start a program."""
        sandbox = await self.sandbox(sandbox_id)
        if (error := self.start_errors.get(config.name)) is not None:
            raise error
        container_id = f"{sandbox_id}/{config.name}/{config.attempt}"
        if container_id in self._containers:
            raise ContainerStartError(config.name, f"attempt {config.attempt} was started before")
        self.journal.append(f"start {config.name}/{config.attempt}")
        self.configs[config.name] = config
        status = ContainerStatus(
            id=container_id,
            sandbox_id=sandbox_id,
            name=config.name,
            attempt=config.attempt,
            state=ContainerState.RUNNING,
            pid=1000 + len(self.journal),
            started_at=self._clock.now(),
            log_path=config.log.path,
        )
        self._containers[container_id] = status
        self._ends[container_id] = asyncio.get_running_loop().create_future()
        self._tell(ContainerEventType.STARTED, status)
        program = self.programs.get(config.name, Program())
        _print(config.log.path, program.output, stamp=self._clock.now().isoformat()[:19])
        for mount in config.mounts:
            if program.message and str(mount.target) == "/dev/termination-log":
                mount.source.write_text(program.message)
        if self.on_start is not None:
            await self.on_start(sandbox, config)
        if program.start_error:
            self._end(container_id, 128, start_error=program.start_error)
        elif program.exits is not None:
            self._end(container_id, program.exits, oom_killed=program.oom_killed)
        return self._containers[container_id]

    def _end(
        self,
        container_id: str,
        code: int,
        *,
        number: int | None = None,
        oom_killed: bool = False,
        start_error: str = "",
    ) -> None:
        status = self._containers.get(container_id)
        if status is None or status.state is not ContainerState.RUNNING:
            return
        final = replace(
            status,
            state=ContainerState.EXITED,
            finished_at=self._clock.now(),
            exit_code=code,
            signal=number,
            oom_killed=oom_killed,
            start_error=start_error,
            pid=None,
        )
        self._containers[container_id] = final
        self._tell(ContainerEventType.EXITED, final)
        end = self._ends[container_id]
        if not end.done():
            end.set_result(final)

    def _tell(self, kind: ContainerEventType, status: ContainerStatus) -> None:
        for queue in self._subscribers:
            queue.put_nowait(ContainerEvent(type=kind, container=status))

    async def signal_container(self, container_id: str, number: int) -> None:
        """Send a signal."""
        status = await self.container(container_id)
        self.journal.append(f"signal {status.name} {number}")
        program = self.programs.get(status.name, Program())
        if number == signal.SIGKILL:
            self._end(container_id, 137, number=number)
        elif program.at_term is not None:
            self._end(container_id, program.at_term)

    async def stop_container(
        self, container_id: str, *, grace_seconds: float, first: int = signal.SIGTERM
    ) -> ContainerStatus:
        """Ask, wait, kill."""
        status = await self.container(container_id)
        if status.state is not ContainerState.RUNNING:
            return status
        await self.signal_container(container_id, first)
        end = self._ends[container_id]
        if not end.done():
            await first_of(self._clock.sleep(grace_seconds), asyncio.wait([end]))
        return await self.kill_container(container_id)

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill."""
        status = await self.container(container_id)
        if status.state is ContainerState.RUNNING:
            self.journal.append(f"kill {status.name}")
            self._end(container_id, 137, number=9)
        return self._containers[container_id]

    async def wait_container(self, container_id: str) -> ContainerStatus:
        """Wait for the end."""
        await self.container(container_id)
        return await asyncio.shield(self._ends[container_id])

    async def container(self, container_id: str) -> ContainerStatus:
        """One run."""
        if container_id not in self._containers:
            raise ContainerNotFoundError(container_id)
        return self._containers[container_id]

    async def remove_container(self, container_id: str) -> None:
        """Forget a run."""
        await self.kill_container(container_id)
        del self._containers[container_id]
        if (fd := self._kept.pop(container_id, None)) is not None:
            os.close(fd)

    async def keep(self, container_id: str, fd: int) -> None:
        """Keep a descriptor."""
        self._kept[container_id] = os.dup(fd)

    async def kept(self, container_id: str) -> int | None:
        """Return a duplicate of it."""
        fd = self._kept.get(container_id)
        return None if fd is None else os.dup(fd)

    async def exec(self, container_id: str, config: ExecConfig) -> FakeExec:
        """Run a command at once; ``exec_codes`` says how it ends."""
        status = await self.container(container_id)
        if status.state is not ContainerState.RUNNING:
            raise ContainerNotFoundError(container_id)
        command = tuple(config.argv)
        self.journal.append(f"exec {' '.join(command)}")
        code = self.exec_codes.get(command, 0)
        return FakeExec(code, " ".join(command).encode(), tty=config.tty)

    async def stats(self, sandbox_id: str) -> SandboxStats:
        """What ``stats_of`` says about the containers inside, by name."""
        sandbox = await self.sandbox(sandbox_id)
        found = [self.stats_of[c.name] for c in sandbox.containers if c.name in self.stats_of]
        return SandboxStats(sandbox_id=sandbox_id, at=self._clock.now(), containers=found)

    async def freeze(self, sandbox_id: str) -> None:
        """Refuse."""
        raise RuntimeOperationError(f"sandbox {sandbox_id!r} cannot be frozen")

    async def thaw(self, sandbox_id: str) -> None:
        """Nothing is frozen."""

    async def dial(
        self, sandbox_id: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the sandbox's address."""
        sandbox = await self.sandbox(sandbox_id)
        return await asyncio.open_connection(sandbox.ip, port)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ContainerEvent]]:
        """Follow starts and ends."""
        queue: asyncio.Queue[ContainerEvent | None] = asyncio.Queue()
        self._subscribers.append(queue)

        async def follow() -> AsyncIterator[ContainerEvent]:
            while (event := await queue.get()) is not None:
                yield event

        try:
            yield follow()
        finally:
            self._subscribers.remove(queue)


def _print(path: Path, lines: Sequence[str], *, stamp: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        for line in lines:
            log.write(f"{stamp}.000000000Z stdout F {line}\n")
