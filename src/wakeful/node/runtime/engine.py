"""``Runtime`` by Docker or Podman, for those who ask for it.

Containers run in the foreground of the engine's client, which is a child of procd: so their logs,
exit codes and events take the same way as those of sandboxes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

from wakeful.aio import run_program
from wakeful.node.runtime import engine_command as command
from wakeful.node.runtime.errors import (
    ContainerStartError,
    RuntimeOperationError,
    RuntimeUnavailableError,
)
from wakeful.node.runtime.execs import start_exec
from wakeful.node.runtime.network import Lease
from wakeful.node.runtime.protocol import ExecProcess
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.table import ContainerTable
from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecConfig,
    Isolation,
    RuntimeInfo,
    SandboxConfig,
    SandboxStats,
    SandboxStatus,
)
from wakeful.procd.client import ProcdClient, ProcdError, ProcessNotFoundError
from wakeful.procd.types import DataFd, FdSource, LogTarget, ProcessSpec

SANDBOX_IMAGE = "registry.k8s.io/pause:3.10"
_CLIENT_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR")


class DockerRuntime:
    """Pods by an engine's command line; see ``Runtime`` for the contract.

    ``cli`` is the path of ``docker`` or ``podman``. A pod's network belongs to a container of
    ``sandbox_image``, which the others join. Applications for the host's root file system cannot
    run here.
    """

    def __init__(
        self,
        procd: ProcdClient,
        *,
        cli: str,
        root: Path,
        owner: str,
        sandbox_image: str = SANDBOX_IMAGE,
    ) -> None:
        self._procd, self._cli, self._owner = procd, cli, owner
        self._sandbox_image = sandbox_image
        self._table = ContainerTable(procd, root)
        self._version = ""

    async def start(self) -> None:
        """Ask the engine for its version, adopt what runs, remove what nobody knows."""
        text = await self._engine([self._cli, "version", "--format", "{{.Client.Version}}"])
        self._version = text.strip()
        await self._table.start()
        names = (await self._engine(command.list_ours(self._cli, self._owner))).split()
        known = {command.sandbox_name(self._owner, name) for name in self._table.sandboxes}
        for record in self._table.sandboxes.values():
            known |= {command.container_name(self._owner, name) for name in record.containers}
        strays = [name for name in names if name not in known]
        if strays:
            await self._engine(command.remove(self._cli, *strays))

    async def aclose(self) -> None:
        """Let go of everything and leave sandboxes running."""
        await self._table.aclose()

    async def shutdown(self) -> None:
        """Remove every sandbox."""
        async with asyncio.TaskGroup() as group:
            for sandbox_id in list(self._table.sandboxes):
                group.create_task(self.remove_sandbox(sandbox_id))
        await self.aclose()

    def describe(self) -> RuntimeInfo:
        """Return what is known of the engine."""
        return RuntimeInfo(
            name=Path(self._cli).name,
            version=self._version,
            isolation=Isolation.ENGINE,
            pod_network="managed by the engine",
            resource_limits=True,
            can_freeze=True,
            egress=True,
            notes=("user mapping, networks and limits are as the engine was set up",),
        )

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[ContainerEvent]]:
        """Subscribe to starts and exits."""
        return self._table.events()

    async def _engine(self, argv: Sequence[str]) -> str:
        try:
            done = await run_program(argv)
        except OSError as error:
            raise RuntimeUnavailableError(f"engine {self._cli!r}: {error.strerror}") from error
        if done.code:
            message = done.errors.decode(errors="replace").strip() or f"exit code {done.code}"
            raise RuntimeOperationError(f"{' '.join(argv[:2])}: {message}")
        return done.output.decode(errors="replace")

    async def create_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        """Start the container that holds the network."""
        record = SandboxRecord(config=config, created_at=datetime.now(UTC), lease=None)
        self._table.claim(record)
        name = command.sandbox_name(self._owner, config.id)
        try:
            await self._engine(
                command.create_sandbox(self._cli, self._owner, config, self._sandbox_image)
            )
            inspected = await self._engine(command.verb(self._cli, "inspect", name))
            record.lease = Lease(command.address_of(inspected))
            self._table.save(record)
        except BaseException:
            with contextlib.suppress(RuntimeOperationError):
                await self._engine(command.remove(self._cli, name))
            await self._table.forget(config.id)
            raise
        return self._table.sandbox_status(record)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Remove the pod's containers, its network last."""
        record = self._table.sandboxes.get(sandbox_id)
        if record is None:
            return
        for container in list(record.containers.values()):
            await self._end(container)
        with contextlib.suppress(RuntimeOperationError):
            name = command.sandbox_name(self._owner, sandbox_id)
            await self._engine(command.remove(self._cli, name))
        await self._table.forget(sandbox_id)

    async def _end(self, container: ContainerRecord) -> None:
        with contextlib.suppress(RuntimeOperationError):
            name = command.container_name(self._owner, container.id)
            await self._engine(command.remove(self._cli, name))
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.kill(container.process)
        await self._procd.remove(container.process)
        self._table.unlearn(container)

    async def sandboxes(self) -> Sequence[SandboxStatus]:
        """Return every sandbox."""
        return tuple(self._table.sandbox_status(r) for r in self._table.sandboxes.values())

    async def sandbox(self, sandbox_id: str) -> SandboxStatus:
        """Return one sandbox."""
        return self._table.sandbox_status(self._table.sandbox(sandbox_id))

    async def start_container(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start one run of a container."""
        record = self._table.sandbox(sandbox_id)
        container_id = record.admit(config)
        if config.no_network:
            raise ContainerStartError(
                config.name,
                "containers of a Pod share its network here; one without network needs the runtime"
                " 'sandbox'",
                reason="CreateContainerConfigError",
            )
        argv = command.run_container(self._cli, self._owner, container_id, config)
        container = ContainerRecord(
            id=container_id,
            name=config.name,
            attempt=config.attempt,
            created_at=datetime.now(UTC),
            log_path=config.log.path,
            env=dict(config.env),
            cwd=config.cwd,
            uid=config.uid or 0,
            gid=config.gid or 0,
            groups=[],
            capabilities=0,
            cgroup="",
        )
        record.containers[container_id] = container
        log = LogTarget(
            path=config.log.path, max_bytes=config.log.max_bytes, max_files=config.log.max_files
        )
        spec = ProcessSpec(
            name=container.process,
            argv=argv,
            env=_client_env(),
            stdin="pipe" if config.stdin else "null",
            terminal=config.tty,
            fds={command.ENV_FD: DataFd(command.env_file(config.env))},
            log=log,
            meta={"sandbox": sandbox_id, "container": config.name},
        )
        try:
            self._table.learn_start(await self._procd.spawn(spec))
        except ProcdError as error:
            record.containers.pop(container_id, None)
            raise ContainerStartError(config.name, str(error)) from error
        self._table.save(record)
        return self._table.status(container)

    async def signal_container(self, container_id: str, number: int) -> None:
        """Send a signal to the container's main process."""
        container = self._table.container(container_id)
        name = command.container_name(self._owner, container.id)
        with contextlib.suppress(RuntimeOperationError):
            await self._engine(command.verb(self._cli, "kill", "--signal", str(number), name))

    async def stop_container(
        self, container_id: str, *, grace_seconds: float, first: int = 15
    ) -> ContainerStatus:
        """Send ``first``, wait up to ``grace_seconds``, kill; return how it ended."""
        await self.signal_container(container_id, first)
        try:
            async with asyncio.timeout(grace_seconds):
                return await self.wait_container(container_id)
        except TimeoutError:
            return await self.kill_container(container_id)

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill every process of the container and return how it ended."""
        await self.signal_container(container_id, 9)
        return await self.wait_container(container_id)

    async def wait_container(self, container_id: str) -> ContainerStatus:
        """Return once it has ended."""
        return await self._table.wait(container_id)

    async def container(self, container_id: str) -> ContainerStatus:
        """Return one run."""
        return self._table.status(self._table.container(container_id))

    async def remove_container(self, container_id: str) -> None:
        """Forget an ended run and its writable layer."""
        container = self._table.container(container_id)
        await self._end(container)
        record = self._table.sandbox_of(container)
        record.containers.pop(container_id, None)
        self._table.save(record)

    async def exec(self, container_id: str, config: ExecConfig) -> ExecProcess:
        """Start a program in a running container."""
        container = self._table.running(container_id)

        def make_spec(name: str, streams: Mapping[int, FdSource]) -> ProcessSpec:
            return ProcessSpec(
                name=name,
                argv=command.exec_in(self._cli, self._owner, container_id, config),
                env=_client_env(),
                fds={**streams, command.ENV_FD: DataFd(command.env_file(config.env or {}))},
                terminal=config.tty,
                owned=True,
            )

        try:
            return await start_exec(self._procd, container_id, config, make_spec)
        except ProcdError as error:
            raise ContainerStartError(container.name, str(error)) from error

    async def stats(self, sandbox_id: str) -> SandboxStats:
        """Measure what its containers use."""
        record = self._table.sandbox(sandbox_id)
        measured: list[ContainerStats] = []
        for container in record.containers.values():
            if self._table.status(container).state is not ContainerState.RUNNING:
                continue
            name = command.container_name(self._owner, container.id)
            text = await self._engine(command.stats(self._cli, name))
            measured.append(command.parse_stats(container.name, text))
        return SandboxStats(sandbox_id=sandbox_id, at=datetime.now(UTC), containers=measured)

    async def keep(self, container_id: str, fd: int) -> None:
        """Refuse: nothing can be passed to a container of an engine."""
        del fd
        raise RuntimeOperationError(f"container {container_id!r} has no descriptors of ours")

    async def kept(self, container_id: str) -> int | None:
        """There is never any."""
        del container_id
        return None

    async def freeze(self, sandbox_id: str) -> None:
        """Pause its containers."""
        await self._pause(sandbox_id, "pause", frozen=True)

    async def thaw(self, sandbox_id: str) -> None:
        """Let them go on."""
        await self._pause(sandbox_id, "unpause", frozen=False)

    async def _pause(self, sandbox_id: str, word: str, *, frozen: bool) -> None:
        record = self._table.sandbox(sandbox_id)
        names = [
            command.container_name(self._owner, container.id)
            for container in record.containers.values()
            if self._table.status(container).state is ContainerState.RUNNING
        ]
        if names:
            await self._engine(command.verb(self._cli, word, *names))
        record.frozen = frozen
        self._table.save(record)

    async def dial(
        self, sandbox_id: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port that is open to the pod's network."""
        record = self._table.sandbox(sandbox_id)
        host = record.lease.ip if record.lease else "127.0.0.1"
        return await asyncio.open_connection(host, port)


def _client_env() -> dict[str, str]:
    return {name: os.environ[name] for name in _CLIENT_VARIABLES if name in os.environ}
