"""``Runtime`` by bubblewrap, network namespaces and control groups, with procd as the parent."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from wakeful.node.runtime import capabilities, records, usage
from wakeful.node.runtime.bwrap import Bubblewrap
from wakeful.node.runtime.cgroups import CgroupTree
from wakeful.node.runtime.errors import (
    ContainerNotFoundError,
    ContainerStartError,
    RuntimeOperationError,
    SandboxExistsError,
    SandboxNotFoundError,
)
from wakeful.node.runtime.etc import write_etc
from wakeful.node.runtime.execs import ProcdExec, Streams
from wakeful.node.runtime.launching import Launcher
from wakeful.node.runtime.network import Lease, PodNetwork
from wakeful.node.runtime.paths import host_view
from wakeful.node.runtime.preparing import environment, identify
from wakeful.node.runtime.protocol import ExecProcess
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.statuses import container_status
from wakeful.node.runtime.trees import remove_tree
from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerEvent,
    ContainerEventType,
    ContainerState,
    ContainerStatus,
    ExecConfig,
    Isolation,
    RuntimeInfo,
    SandboxConfig,
    SandboxStats,
    SandboxStatus,
)
from wakeful.procd.client import (
    LaunchFailedError,
    ProcdClient,
    ProcdError,
    ProcessNotFoundError,
)
from wakeful.procd.types import (
    ProcessEventType,
    ProcessStatus,
    SignalTarget,
)

_EXEC_PREFIX = "exec/"
_FREEZE_SECONDS = 5.0


class SandboxRuntime:
    """Sandboxes on this machine; see ``Runtime`` for the contract.

    Use ``wakeful.node.runtime.probe.open_sandbox_runtime`` to make one that fits the machine.
    ``bubblewrap`` is None where the kernel forbids sandboxes: programs then run as plain processes.
    """

    def __init__(
        self,
        procd: ProcdClient,
        *,
        root: Path,
        stage: Path | None,
        bubblewrap: Bubblewrap | None,
        network: PodNetwork,
        cgroups: CgroupTree | None,
        hidden: Sequence[Path] = (),
        notes: Sequence[str] = (),
        version: str = "",
    ) -> None:
        self._procd, self._root = procd, root
        self._bubblewrap, self._network, self._cgroups = bubblewrap, network, cgroups
        self._notes, self._version = tuple(notes), version
        self._launcher = Launcher(
            procd,
            root=root,
            stage=stage,
            bubblewrap=bubblewrap,
            cgroups=cgroups,
            host=host_view(hidden),
        )
        self._records: dict[str, SandboxRecord] = {}
        self._running: dict[str, ProcessStatus] = {}
        self._subscribers: list[asyncio.Queue[ContainerEvent | None]] = []
        self._watcher: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("wakeful.node.runtime")

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Adopt what still runs, remove leftovers, fill the pool of networks."""
        (self._root / "sandboxes").mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._bubblewrap is not None and self._bubblewrap.steps:
            await self._procd.mount(self._bubblewrap.steps)
        held = set(await self._procd.held())
        for directory in sorted((self._root / "sandboxes").iterdir()):
            try:
                record = records.load(directory)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._log.warning(
                    "sandbox state unreadable, removed", directory=str(directory), error=str(error)
                )
                await asyncio.to_thread(remove_tree, directory)
                continue
            if record.lease is not None and record.lease.netns and record.lease.netns not in held:
                record.lease = None  # procd was restarted: nothing of it is left
            self._records[record.id] = record
        subscribed = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch(subscribed), name="runtime:events")
        await subscribed.wait()
        await self._adopt_processes()
        await self._network.start(
            [r.lease for r in self._records.values() if r.lease is not None and r.lease.netns]
        )

    async def _adopt_processes(self) -> None:
        known = {c.process for r in self._records.values() for c in r.containers.values()}
        for status in await self._procd.list(records.PROCESS_PREFIX):
            if status.name in known:
                self._running[status.name] = status
            else:
                self._log.warning("unknown instance killed", process=status.name)
                await self._procd.kill(status.name)
                await self._procd.remove(status.name)

    async def aclose(self) -> None:
        """Let go of everything and leave sandboxes running."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        await self._network.aclose()
        for queue in self._subscribers:
            queue.put_nowait(None)

    async def shutdown(self) -> None:
        """Kill every sandbox and undo what was done to the host."""
        async with asyncio.TaskGroup() as group:
            for sandbox_id in list(self._records):
                group.create_task(self.remove_sandbox(sandbox_id))
        await self._network.destroy()
        if self._cgroups is not None:
            self._cgroups.destroy()
        await self.aclose()

    def describe(self) -> RuntimeInfo:
        """Return what isolation is in force, and why not more."""
        sandboxed = self._bubblewrap is not None
        return RuntimeInfo(
            name="sandbox",
            version=self._version,
            isolation=Isolation.SANDBOX if sandboxed else Isolation.PROCESS,
            pod_network=self._network.cidr,
            gateway=self._network.gateway,
            user_mapping=sandboxed,
            resource_limits=self._cgroups is not None,
            can_freeze=self._cgroups is not None,
            egress=self._network.egress,
            notes=(*self._notes, *self._network.notes),
        )

    # -- events -------------------------------------------------------------------------------

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ContainerEvent]]:
        """Subscribe to starts and exits."""
        queue: asyncio.Queue[ContainerEvent | None] = asyncio.Queue()
        self._subscribers.append(queue)
        try:
            yield _until_none(queue)
        finally:
            self._subscribers.remove(queue)

    async def _watch(self, subscribed: asyncio.Event) -> None:
        async with self._procd.events() as events:
            subscribed.set()
            async for event in events:
                if event.type is ProcessEventType.OVERFLOW:
                    for known in await self._procd.list(records.PROCESS_PREFIX):
                        self._running[known.name] = known
                    self._tell(ContainerEvent(type=ContainerEventType.OVERFLOW, container=None))
                    continue
                status = event.process
                if status is None or not status.name.startswith(records.PROCESS_PREFIX):
                    continue
                self._running[status.name] = status
                try:
                    record = self._container(status.name.removeprefix(records.PROCESS_PREFIX))
                except ContainerNotFoundError:
                    continue
                kind = (
                    ContainerEventType.STARTED
                    if event.type is ProcessEventType.STARTED
                    else ContainerEventType.EXITED
                )
                self._tell(ContainerEvent(type=kind, container=self._status(record)))

    def _tell(self, event: ContainerEvent) -> None:
        for queue in self._subscribers:
            queue.put_nowait(event)

    # -- sandboxes ----------------------------------------------------------------------------

    def _record(self, sandbox_id: str) -> SandboxRecord:
        try:
            return self._records[sandbox_id]
        except KeyError:
            raise SandboxNotFoundError(sandbox_id) from None

    def _container(self, container_id: str) -> ContainerRecord:
        record = self._records.get(container_id.split("/", 1)[0])
        if record is None or container_id not in record.containers:
            raise ContainerNotFoundError(container_id)
        return record.containers[container_id]

    def _directory(self, sandbox_id: str) -> Path:
        return self._root / "sandboxes" / sandbox_id

    def _save(self, record: SandboxRecord) -> None:
        records.save(record, self._directory(record.id))

    async def create_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        """Make the network and the directories of a Pod."""
        if config.id in self._records:
            raise SandboxExistsError(config.id)
        if not config.id.strip(".") or "/" in config.id or len(config.id) > 128:
            raise RuntimeOperationError(f"sandbox id {config.id!r} is not a name")
        record = SandboxRecord(config=config, created_at=datetime.now(UTC), lease=None)
        self._records[config.id] = record  # the name is taken from here on
        directory = self._directory(config.id)
        try:
            lease = Lease("127.0.0.1") if config.host_network else await self._network.acquire()
            record.lease = lease
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_etc(directory / "etc", config, lease.ip)
            self._save(record)
        except BaseException:
            del self._records[config.id]
            if record.lease is not None and record.lease.netns:
                await self._network.release(record.lease)
            raise
        return self._sandbox_status(record)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in it and free everything."""
        record = self._records.get(sandbox_id)
        if record is None:
            return
        async with asyncio.TaskGroup() as group:
            for container in list(record.containers.values()):
                group.create_task(self._end(container))
        if record.lease is not None and record.lease.netns:
            await self._network.release(record.lease)
        self._records.pop(sandbox_id, None)
        directory = self._directory(sandbox_id)
        await asyncio.to_thread(remove_tree, directory)

    async def _end(self, container: ContainerRecord) -> None:
        self._thaw(container)
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.kill(container.process)
        await self._procd.remove(container.process)
        self._running.pop(container.process, None)
        await self._launcher.clean_up(container)

    def _sandbox_status(self, record: SandboxRecord) -> SandboxStatus:
        lease = record.lease or Lease("127.0.0.1")
        return SandboxStatus(
            id=record.id,
            ip=lease.ip,
            host_network=not lease.netns,
            created_at=record.created_at,
            config=record.config,
            frozen=self._is_frozen(record),
            containers=tuple(self._status(c) for c in record.containers.values()),
        )

    def _status(self, container: ContainerRecord) -> ContainerStatus:
        status = self._running.get(container.process)
        ooms = self._cgroups.oom_kills(container.cgroup) if self._cgroups is not None else 0
        return container_status(container, status, oom_kills=ooms)

    async def sandboxes(self) -> Sequence[SandboxStatus]:
        """Return every sandbox, adopted ones included."""
        return tuple(self._sandbox_status(record) for record in self._records.values())

    async def sandbox(self, sandbox_id: str) -> SandboxStatus:
        """Return one sandbox."""
        return self._sandbox_status(self._record(sandbox_id))

    # -- containers ---------------------------------------------------------------------------

    async def start_container(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start one run of a container."""
        record = self._record(sandbox_id)
        if record.lease is None:
            raise ContainerStartError(
                config.name, "its sandbox has lost its network", reason="CreateContainerError"
            )
        container_id = f"{sandbox_id}/{config.name}/{config.attempt}"
        if container_id in record.containers:
            raise ContainerStartError(
                config.name, f"attempt {config.attempt} was started before", reason="StartError"
            )
        if not config.argv:
            raise ContainerStartError(
                config.name, "no command specified", reason="CreateContainerConfigError"
            )
        if self._is_frozen(record):
            raise ContainerStartError(config.name, "its sandbox is frozen")
        identity = identify(config)
        hostname = record.config.hostname[:63]
        env = environment(config, identity.uid, hostname)
        container = ContainerRecord(
            id=container_id,
            name=config.name,
            attempt=config.attempt,
            created_at=datetime.now(UTC),
            log_path=config.log.path,
            env=env,
            cwd=config.cwd or "/",
            uid=identity.uid,
            gid=identity.gid,
            groups=list(identity.groups),
            capabilities=capabilities.mask(identity.capabilities),
            cgroup=f"{sandbox_id}.{config.name}-{config.attempt}",
        )
        record.containers[container_id] = container
        try:
            status = await self._launcher.launch(record, container, config, identity)
        except BaseException as error:
            record.containers.pop(container_id, None)
            await self._launcher.clean_up(container)
            if isinstance(error, ProcdError | OSError):
                raise ContainerStartError(config.name, str(error)) from error
            raise
        self._running.setdefault(status.name, status)
        # After the start, which is what somebody waits for; should we die before this line, the
        # next ``start`` finds a process that it does not know, and kills it.
        self._save(record)
        return self._status(container)

    async def signal_container(self, container_id: str, number: int) -> None:
        """Send a signal to the container's main process."""
        container = self._container(container_id)
        to = SignalTarget.MAIN if self._bubblewrap is not None else SignalTarget.PROCESS
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.signal(container.process, number, to=to)

    async def stop_container(
        self, container_id: str, *, grace_seconds: float, first: int = 15
    ) -> ContainerStatus:
        """Send ``first``, wait up to ``grace_seconds``, kill; return how it ended."""
        container = self._container(container_id)
        self._thaw(container)
        with contextlib.suppress(ProcessNotFoundError):
            self._running[container.process] = await self._procd.stop(
                container.process, signal=first, grace_seconds=grace_seconds
            )
        self._kill_leftovers(container)
        return self._status(container)

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill every process of the container and return how it ended."""
        container = self._container(container_id)
        self._thaw(container)
        with contextlib.suppress(ProcessNotFoundError):
            self._running[container.process] = await self._procd.kill(container.process)
        self._kill_leftovers(container)
        return self._status(container)

    def _thaw(self, container: ContainerRecord) -> None:
        """Frozen processes do not take signals, not even the last one."""
        if self._cgroups is not None and self._cgroups.is_frozen(container.cgroup):
            self._cgroups.freeze(container.cgroup, False)

    def _kill_leftovers(self, container: ContainerRecord) -> None:
        """Plain processes have no pid namespace to die with; their control group finds them."""
        if self._bubblewrap is None and self._cgroups is not None:
            self._cgroups.kill(container.cgroup)

    async def wait_container(self, container_id: str) -> ContainerStatus:
        """Return once it has ended."""
        container = self._container(container_id)
        with contextlib.suppress(ProcessNotFoundError):
            self._running[container.process] = await self._procd.wait(container.process)
        return self._status(container)

    async def container(self, container_id: str) -> ContainerStatus:
        """Return one run."""
        return self._status(self._container(container_id))

    async def remove_container(self, container_id: str) -> None:
        """Forget an ended run and its writable layer."""
        container = self._container(container_id)
        await self._end(container)
        record = self._record(container_id.split("/", 1)[0])
        record.containers.pop(container_id, None)
        self._save(record)

    async def exec(self, container_id: str, config: ExecConfig) -> ExecProcess:
        """Start a program in a running container."""
        container = self._container(container_id)
        if self._status(container).state is not ContainerState.RUNNING:
            raise ContainerNotFoundError(container_id)
        name = f"{_EXEC_PREFIX}{container_id}/{secrets.token_hex(4)}"
        streams = Streams(
            tty=config.tty, stdin=config.stdin, rows=config.rows, columns=config.columns
        )
        process = ProcdExec(self._procd, name)
        try:
            spec = self._launcher.exec_spec(name, container, config, streams.sources())
            await self._procd.spawn(spec)
            streams.close_child_ends()
            await process.connect(streams, stdin=config.stdin)
        except LaunchFailedError as error:
            raise ContainerStartError(container.name, str(error)) from error
        except BaseException:
            await process.aclose()
            raise
        finally:
            streams.close()
        return process

    # -- figures, freezing, ports -------------------------------------------------------------

    async def stats(self, sandbox_id: str) -> SandboxStats:
        """Measure what its containers use."""
        record = self._record(sandbox_id)
        measured = []
        for container in record.containers.values():
            status = self._running.get(container.process)
            if status is None or status.pid is None:
                continue
            used = self._cgroups.usage(container.cgroup) if self._cgroups is not None else None
            if used is None:
                used = await asyncio.to_thread(usage.of_tree, status.pid)
            measured.append(usage.to_stats(container.name, used))
        return SandboxStats(sandbox_id=sandbox_id, at=datetime.now(UTC), containers=measured)

    async def freeze(self, sandbox_id: str) -> None:
        """Stop all its processes where they are."""
        await self._freeze(sandbox_id, True)

    async def thaw(self, sandbox_id: str) -> None:
        """Let them go on."""
        await self._freeze(sandbox_id, False)

    async def _freeze(self, sandbox_id: str, frozen: bool) -> None:
        record = self._record(sandbox_id)
        if self._cgroups is None:
            raise RuntimeOperationError(f"sandbox {sandbox_id!r} cannot be frozen here")
        for container in record.containers.values():
            if container.process not in self._running:
                continue
            try:
                self._cgroups.freeze(container.cgroup, frozen)
            except OSError as error:
                raise RuntimeOperationError(f"container {container.id!r}: {error}") from error
        try:
            async with asyncio.timeout(_FREEZE_SECONDS):
                for container in record.containers.values():
                    while not self._cgroups.is_settled(container.cgroup):  # noqa: ASYNC110
                        await asyncio.sleep(0.001)
        except TimeoutError:
            raise RuntimeOperationError(
                f"sandbox {sandbox_id!r} did not {'freeze' if frozen else 'thaw'} in time"
            ) from None

    def _is_frozen(self, record: SandboxRecord) -> bool:
        cgroups = self._cgroups
        return cgroups is not None and any(
            cgroups.is_frozen(container.cgroup) for container in record.containers.values()
        )

    async def dial(
        self, sandbox_id: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port inside."""
        record = self._record(sandbox_id)
        if record.lease is None:
            raise RuntimeOperationError(f"sandbox {sandbox_id!r} has lost its network")
        if not record.lease.netns:
            return await asyncio.open_connection("127.0.0.1", port)
        sock = await self._network.open_socket(record.lease)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise


async def _until_none(
    queue: asyncio.Queue[ContainerEvent | None],
) -> AsyncIterator[ContainerEvent]:
    while (event := await queue.get()) is not None:
        yield event
