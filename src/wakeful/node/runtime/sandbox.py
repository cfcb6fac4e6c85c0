"""``Runtime`` by bubblewrap, network namespaces and control groups, with procd as the parent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from wakeful.node.runtime import capabilities, idmap, records, usage
from wakeful.node.runtime.bwrap import Bubblewrap
from wakeful.node.runtime.cgroups import CgroupTree
from wakeful.node.runtime.command import (
    ARGS_FD,
    MONITOR_ENV,
    USERNS_FD,
    bubblewrap_arguments,
    bubblewrap_argv,
)
from wakeful.node.runtime.errors import (
    ContainerNotFoundError,
    ContainerStartError,
    RuntimeOperationError,
    SandboxExistsError,
    SandboxNotFoundError,
)
from wakeful.node.runtime.etc import write_etc
from wakeful.node.runtime.execs import ProcdExec, Streams
from wakeful.node.runtime.network import Lease, PodNetwork
from wakeful.node.runtime.preparing import (
    Identity,
    Preparation,
    Surroundings,
    environment,
    identify,
    prepare,
)
from wakeful.node.runtime.protocol import ExecProcess
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.statuses import container_status
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
    DataFd,
    FdSource,
    LogTarget,
    ProcessEventType,
    ProcessSpec,
    ProcessStatus,
    SignalTarget,
    UserNamespaceFd,
)

_NOFILE = 1 << 20
_EXEC_PREFIX = "exec/"


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
        self._procd, self._root, self._stage = procd, root, stage
        self._bubblewrap, self._network, self._cgroups = bubblewrap, network, cgroups
        self._hidden, self._notes, self._version = tuple(hidden), tuple(notes), version
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
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
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
        if self._cgroups is not None and self._cgroups.is_frozen(sandbox_id):
            self._cgroups.freeze(sandbox_id, False)
        async with asyncio.TaskGroup() as group:
            for container in record.containers.values():
                group.create_task(self._end_process(container))
        if self._stage is not None:
            await self._procd.unmount(self._stage / "s" / sandbox_id)
        if self._cgroups is not None:
            self._cgroups.remove(sandbox_id)
        if record.lease is not None and record.lease.netns:
            await self._network.release(record.lease)
        self._records.pop(sandbox_id, None)
        directory = self._directory(sandbox_id)
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _end_process(self, container: ContainerRecord) -> None:
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.kill(container.process)
        await self._procd.remove(container.process)
        self._running.pop(container.process, None)

    def _sandbox_status(self, record: SandboxRecord) -> SandboxStatus:
        lease = record.lease or Lease("127.0.0.1")
        return SandboxStatus(
            id=record.id,
            ip=lease.ip,
            host_network=not lease.netns,
            created_at=record.created_at,
            config=record.config,
            frozen=self._cgroups is not None and self._cgroups.is_frozen(record.id),
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
        if self._cgroups is not None and self._cgroups.is_frozen(sandbox_id):
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
            cgroup=f"{sandbox_id}/{config.name}-{config.attempt}",
        )
        record.containers[container_id] = container
        try:
            await self._launch(record, container, config, identity)
        except BaseException as error:
            record.containers.pop(container_id, None)
            await self._clean_up(container)
            self._save(record)
            if isinstance(error, ProcdError | OSError):
                raise ContainerStartError(config.name, str(error)) from error
            raise
        return self._status(container)

    async def _launch(
        self,
        record: SandboxRecord,
        container: ContainerRecord,
        config: ContainerConfig,
        identity: Identity,
    ) -> None:
        binds = []
        if self._cgroups is not None:
            made = self._cgroups.create(container.cgroup, config.limits)
            container.cgroup_dirs = [str(path) for path in made]
            binds = self._cgroups.binds(container.cgroup)
        self._save(record)  # before the process exists, so that none is ever unknown
        if self._bubblewrap is None:
            spec = self._plain_spec(record, container, config)
        else:
            directory = self._directory(record.id)
            around = Surroundings(
                stage=self._stage_of(container),
                images=self._stage / "images" if self._stage is not None else None,
                directory=directory / "containers" / f"{config.name}-{config.attempt}",
                etc=directory / "etc",
                hidden=self._hidden,
                cgroup_binds=binds,
            )
            hostname = record.config.hostname[:63]
            ready = prepare(config, identity, around, hostname=hostname, env=container.env)
            if ready.steps:
                await self._procd.mount(ready.steps)
            spec = self._sandbox_spec(record, container, config, identity, ready)
        status = await self._procd.spawn(spec)
        self._running.setdefault(status.name, status)

    def _stage_of(self, container: ContainerRecord) -> Path | None:
        return self._stage / "s" / container.cgroup if self._stage is not None else None

    def _sandbox_spec(
        self,
        record: SandboxRecord,
        container: ContainerRecord,
        config: ContainerConfig,
        identity: Identity,
        ready: Preparation,
    ) -> ProcessSpec:
        assert self._bubblewrap is not None
        assert record.lease is not None
        fds: dict[int, FdSource] = {ARGS_FD: DataFd(bubblewrap_arguments(ready.plan))}
        launcher: int | None = None
        groups: list[int] = []
        if ready.plan.shared_userns:
            launcher = idmap.LAUNCHER_ID
            fds[USERNS_FD] = UserNamespaceFd(identity.mapping, launcher)
            groups = [idmap.outside(identity.mapping, group) for group in identity.groups]
        return ProcessSpec(
            name=container.process,
            argv=bubblewrap_argv(self._bubblewrap.program, config.argv),
            env=MONITOR_ENV,
            uid=launcher,
            gid=launcher,
            groups=groups,
            stdin="pipe" if config.stdin else "null",
            terminal=config.tty,
            log=_log_target(config),
            fds=fds,
            netns=record.lease.netns,
            cgroups=[Path(path) for path in container.cgroup_dirs],
            rlimits={"nofile": _NOFILE, "core": 0},
            signal_to=SignalTarget.MAIN,
            meta={"sandbox": record.id, "container": container.name},
        )

    def _plain_spec(
        self, record: SandboxRecord, container: ContainerRecord, config: ContainerConfig
    ) -> ProcessSpec:
        """A process of the host, as another user at least when we may choose."""
        if config.rootfs is not None:
            raise ContainerStartError(
                config.name,
                "images with their own root file system need a sandbox, which this kernel forbids",
                reason="CreateContainerError",
            )
        assert record.lease is not None
        root = os.geteuid() == 0
        return ProcessSpec(
            name=container.process,
            argv=list(config.argv),
            env=container.env,
            cwd=Path(container.cwd),
            uid=(container.uid or idmap.DEFAULT_UID) if root else None,
            gid=(container.gid or idmap.DEFAULT_UID) if root else None,
            capabilities=0,
            stdin="pipe" if config.stdin else "null",
            terminal=config.tty,
            log=_log_target(config),
            netns=record.lease.netns,
            cgroups=[Path(path) for path in container.cgroup_dirs],
            rlimits={"nofile": _NOFILE, "core": 0},
            die_with_parent=True,
            meta={"sandbox": record.id, "container": container.name},
        )

    async def _clean_up(self, container: ContainerRecord) -> None:
        with contextlib.suppress(ProcdError):
            stage = self._stage_of(container)
            if stage is not None:
                await self._procd.unmount(stage)
        if self._cgroups is not None:
            self._cgroups.remove(container.cgroup)
        sandbox_id, _, name = container.cgroup.partition("/")
        directory = self._directory(sandbox_id) / "containers" / name
        if directory.exists():
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

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
        self._thaw_for_good(container)
        with contextlib.suppress(ProcessNotFoundError):
            self._running[container.process] = await self._procd.stop(
                container.process, signal=first, grace_seconds=grace_seconds
            )
        self._kill_leftovers(container)
        return self._status(container)

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill every process of the container and return how it ended."""
        container = self._container(container_id)
        self._thaw_for_good(container)
        with contextlib.suppress(ProcessNotFoundError):
            self._running[container.process] = await self._procd.kill(container.process)
        self._kill_leftovers(container)
        return self._status(container)

    def _thaw_for_good(self, container: ContainerRecord) -> None:
        """Frozen processes do not take signals, not even the last one."""
        sandbox_id = container.id.split("/", 1)[0]
        if self._cgroups is not None and self._cgroups.is_frozen(sandbox_id):
            self._cgroups.freeze(sandbox_id, False)

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
        self._thaw_for_good(container)
        await self._end_process(container)
        await self._clean_up(container)
        record = self._record(container_id.split("/", 1)[0])
        record.containers.pop(container_id, None)
        self._save(record)

    async def exec(self, container_id: str, config: ExecConfig) -> ExecProcess:
        """Start a program in a running container."""
        container = self._container(container_id)
        if self._status(container).state is not ContainerState.RUNNING:
            raise ContainerNotFoundError(container_id)
        sandboxed = self._bubblewrap is not None
        root = os.geteuid() == 0
        name = f"{_EXEC_PREFIX}{container_id}/{secrets.token_hex(4)}"
        env = dict(container.env if config.env is None else config.env)
        if config.tty:
            env.setdefault("TERM", "xterm")
        streams = Streams(
            tty=config.tty, stdin=config.stdin, rows=config.rows, columns=config.columns
        )
        process = ProcdExec(self._procd, name)
        try:
            spec = ProcessSpec(
                name=name,
                argv=list(config.argv),
                env=env,
                cwd=Path(config.cwd or container.cwd),
                uid=container.uid if sandboxed or root else None,
                gid=container.gid if sandboxed or root else None,
                groups=container.groups,
                capabilities=container.capabilities,
                terminal=config.tty,
                fds=streams.sources(),
                cgroups=[Path(path) for path in container.cgroup_dirs],
                enter=container.process if sandboxed else "",
                owned=True,
                die_with_parent=True,
            )
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
        self._freeze(sandbox_id, True)

    async def thaw(self, sandbox_id: str) -> None:
        """Let them go on."""
        self._freeze(sandbox_id, False)

    def _freeze(self, sandbox_id: str, frozen: bool) -> None:
        record = self._record(sandbox_id)
        if self._cgroups is None:
            raise RuntimeOperationError(f"sandbox {sandbox_id!r} cannot be frozen here")
        if not record.containers:
            return
        try:
            self._cgroups.freeze(sandbox_id, frozen)
        except OSError as error:
            raise RuntimeOperationError(f"sandbox {sandbox_id!r}: {error}") from error

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


def _log_target(config: ContainerConfig) -> LogTarget:
    return LogTarget(
        path=config.log.path, max_bytes=config.log.max_bytes, max_files=config.log.max_files
    )


async def _until_none(
    queue: asyncio.Queue[ContainerEvent | None],
) -> AsyncIterator[ContainerEvent]:
    while (event := await queue.get()) is not None:
        yield event
