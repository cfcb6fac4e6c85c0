"""``Runtime`` by bubblewrap, network namespaces and control groups, with procd as the parent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from wakeful.node.runtime import capabilities, usage
from wakeful.node.runtime.bwrap import Bubblewrap
from wakeful.node.runtime.cgroups import CgroupTree, settle
from wakeful.node.runtime.errors import ContainerStartError, RuntimeOperationError
from wakeful.node.runtime.etc import write_etc
from wakeful.node.runtime.execs import start_exec
from wakeful.node.runtime.identity import environment, identify
from wakeful.node.runtime.launching import Launcher
from wakeful.node.runtime.layers import LayerPool
from wakeful.node.runtime.network import Lease, PodNetwork
from wakeful.node.runtime.paths import host_view
from wakeful.node.runtime.protocol import ExecProcess
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.state import CLAIM as STATE_CLAIM
from wakeful.node.runtime.table import ContainerTable
from wakeful.node.runtime.trees import remove_tree
from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerEvent,
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
from wakeful.procd.types import SignalTarget


class SandboxRuntime:
    """Sandboxes on this machine; see ``Runtime`` for the contract.

    Use ``wakeful.node.runtime.probe.open_sandbox_runtime`` to make one that fits the machine.
    ``state`` is for small files that mean nothing after a reboot, ``root`` for what containers
    write. ``bubblewrap`` is None where the kernel forbids sandboxes: programs then run as plain
    processes.
    """

    def __init__(
        self,
        procd: ProcdClient,
        *,
        root: Path,
        state: Path,
        stage: Path | None,
        bubblewrap: Bubblewrap | None,
        network: PodNetwork,
        cgroups: CgroupTree | None,
        hidden: Sequence[Path] = (),
        notes: Sequence[str] = (),
        version: str = "",
    ) -> None:
        self._procd, self._root, self._state = procd, root, state
        self._layers = LayerPool(root / "layers", size=4, mapped=stage is not None)
        self._bubblewrap, self._network, self._cgroups = bubblewrap, network, cgroups
        self._notes, self._version = tuple(notes), version
        self._launcher = Launcher(
            procd,
            state=state,
            layers=self._layers,
            stage=stage,
            bubblewrap=bubblewrap,
            cgroups=cgroups,
            host=host_view(hidden),
        )
        self._table = ContainerTable(
            procd,
            state,
            oom_kills=lambda c: 0 if cgroups is None else cgroups.oom_kills(c.cgroup),
        )

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Adopt what still runs, remove leftovers, fill the pool of networks."""
        if self._bubblewrap is not None and self._bubblewrap.steps:
            await self._procd.mount(self._bubblewrap.steps)
        held = set(await self._procd.held())
        await self._table.start()
        leases = []
        for record in self._table.sandboxes.values():
            lease = record.lease
            if lease is not None and lease.netns:
                if lease.netns in held:
                    leases.append(lease)
                else:
                    record.lease = None  # procd was restarted: nothing of it is left
        self._end_strays()
        await self._layers.start({container.layer for container in self._table.containers()})
        await self._network.start(leases)

    def _end_strays(self) -> None:
        """Kill what a procd that was killed itself could not take with it."""
        if self._cgroups is None:
            return
        running = {
            container.cgroup
            for container in self._table.containers()
            if self._table.process(container) is not None
        }
        for name in self._cgroups.names():
            if name not in running:
                self._cgroups.remove(name)

    async def aclose(self) -> None:
        """Let go of everything and leave sandboxes running."""
        await self._table.aclose()
        await self._layers.aclose()
        await self._network.aclose()

    async def shutdown(self) -> None:
        """Kill every sandbox and undo what was done to the host."""
        async with asyncio.TaskGroup() as group:
            for sandbox_id in list(self._table.sandboxes):
                group.create_task(self.remove_sandbox(sandbox_id))
        await self._network.destroy()
        if self._cgroups is not None:
            self._cgroups.destroy()
        await self.aclose()
        for directory in (self._state / "sandboxes", self._root / "layers"):
            await asyncio.to_thread(remove_tree, directory)
        with contextlib.suppress(OSError):
            self._state.rmdir()
        with contextlib.suppress(ProcdError):
            await self._procd.release(STATE_CLAIM)

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

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[ContainerEvent]]:
        """Subscribe to starts and exits."""
        return self._table.events()

    # -- sandboxes ----------------------------------------------------------------------------

    async def create_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        """Make the network and the directories of a Pod."""
        record = SandboxRecord(config=config, created_at=datetime.now(UTC), lease=None)
        directory = self._table.claim(record)
        try:
            lease = Lease("127.0.0.1") if config.host_network else await self._network.acquire()
            record.lease = lease
            write_etc(directory / "etc", config, lease.ip)
            self._table.save(record)
        except BaseException:
            await self._table.forget(config.id)
            if record.lease is not None and record.lease.netns:
                await self._network.release(record.lease)
            raise
        return self._table.sandbox_status(record)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in it and free everything."""
        record = self._table.sandboxes.get(sandbox_id)
        if record is None:
            return
        async with asyncio.TaskGroup() as group:
            for container in list(record.containers.values()):
                group.create_task(self._end(record, container))
        if record.lease is not None and record.lease.netns:
            await self._network.release(record.lease)
        await self._table.forget(sandbox_id)

    async def _end(self, record: SandboxRecord, container: ContainerRecord) -> None:
        self._thaw(record, container)
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.kill(container.process)
        await self._procd.remove(container.process)
        if container.keeps:
            await self._procd.release(container.descriptor)
        self._table.unlearn(container)
        await self._launcher.clean_up(container)

    async def sandboxes(self) -> Sequence[SandboxStatus]:
        """Return every sandbox, adopted ones included."""
        return tuple(self._table.sandbox_status(r) for r in self._table.sandboxes.values())

    async def sandbox(self, sandbox_id: str) -> SandboxStatus:
        """Return one sandbox."""
        return self._table.sandbox_status(self._table.sandbox(sandbox_id))

    # -- containers ---------------------------------------------------------------------------

    async def start_container(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start one run of a container."""
        record = self._table.sandbox(sandbox_id)
        if record.lease is None:
            raise ContainerStartError(
                config.name, "its sandbox has lost its network", reason="CreateContainerError"
            )
        container_id = record.admit(config)
        if record.frozen:
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
        self._table.learn_start(status)
        # After the start, which is what somebody waits for; should we die before this line, the
        # next ``start`` finds a process that it does not know, and kills it.
        self._table.save(record)
        return self._table.status(container)

    async def signal_container(self, container_id: str, number: int) -> None:
        """Send a signal to the container's main process."""
        container = self._table.container(container_id)
        to = SignalTarget.MAIN if self._bubblewrap is not None else SignalTarget.PROCESS
        with contextlib.suppress(ProcessNotFoundError):
            await self._procd.signal(container.process, number, to=to)

    async def stop_container(
        self, container_id: str, *, grace_seconds: float, first: int = 15
    ) -> ContainerStatus:
        """Send ``first``, wait up to ``grace_seconds``, kill; return how it ended."""
        container = self._table.container(container_id)
        self._thaw(self._table.sandbox_of(container), container)
        with contextlib.suppress(ProcessNotFoundError):
            self._table.learn(
                await self._procd.stop(container.process, signal=first, grace_seconds=grace_seconds)
            )
        self._kill_leftovers(container)
        return self._table.status(container)

    async def kill_container(self, container_id: str) -> ContainerStatus:
        """Kill every process of the container and return how it ended."""
        container = self._table.container(container_id)
        self._thaw(self._table.sandbox_of(container), container)
        with contextlib.suppress(ProcessNotFoundError):
            self._table.learn(await self._procd.kill(container.process))
        self._kill_leftovers(container)
        return self._table.status(container)

    def _thaw(self, record: SandboxRecord, container: ContainerRecord) -> None:
        """Frozen processes do not take signals, not even the last one."""
        if record.frozen and self._cgroups is not None:
            self._cgroups.freeze(container.cgroup, False)

    def _kill_leftovers(self, container: ContainerRecord) -> None:
        """Plain processes have no pid namespace to die with; their control group finds them."""
        if self._bubblewrap is None and self._cgroups is not None:
            self._cgroups.kill(container.cgroup)

    async def wait_container(self, container_id: str) -> ContainerStatus:
        """Return once it has ended."""
        return await self._table.wait(container_id)

    async def container(self, container_id: str) -> ContainerStatus:
        """Return one run."""
        return self._table.status(self._table.container(container_id))

    async def remove_container(self, container_id: str) -> None:
        """Forget an ended run and its writable layer."""
        container = self._table.container(container_id)
        record = self._table.sandbox_of(container)
        await self._end(record, container)
        record.containers.pop(container_id, None)
        self._table.save(record)

    async def exec(self, container_id: str, config: ExecConfig) -> ExecProcess:
        """Start a program in a running container."""
        container = self._table.running(container_id)
        make_spec = partial(self._launcher.exec_spec, container, config)
        try:
            return await start_exec(self._procd, container_id, config, make_spec)
        except LaunchFailedError as error:
            raise ContainerStartError(container.name, str(error)) from error

    async def keep(self, container_id: str, fd: int) -> None:
        """Have procd hold a descriptor for a container."""
        container = self._table.container(container_id)
        container.keeps = True
        self._table.save(self._table.sandbox_of(container))
        await self._procd.release(container.descriptor)
        await self._procd.hold(container.descriptor, fd)

    async def kept(self, container_id: str) -> int | None:
        """Return a duplicate of it."""
        container = self._table.container(container_id)
        if not container.keeps:
            return None
        try:
            return await self._procd.take(container.descriptor)
        except ProcessNotFoundError:
            return None

    # -- figures, freezing, ports -------------------------------------------------------------

    async def stats(self, sandbox_id: str) -> SandboxStats:
        """Measure what its containers use."""
        record = self._table.sandbox(sandbox_id)
        measured = []
        for container in record.containers.values():
            status = self._table.process(container)
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
        record = self._table.sandbox(sandbox_id)
        if self._cgroups is None:
            raise RuntimeOperationError(f"sandbox {sandbox_id!r} cannot be frozen here")
        for container in record.containers.values():
            if self._table.process(container) is None:
                continue
            try:
                self._cgroups.freeze(container.cgroup, frozen)
            except OSError as error:
                raise RuntimeOperationError(f"container {container.id!r}: {error}") from error
        try:
            await settle(self._cgroups, [c.cgroup for c in record.containers.values()])
        except TimeoutError:
            raise RuntimeOperationError(
                f"sandbox {sandbox_id!r} did not {'freeze' if frozen else 'thaw'} in time"
            ) from None
        record.frozen = frozen
        self._table.save(record)

    async def dial(
        self, sandbox_id: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port inside."""
        record = self._table.sandbox(sandbox_id)
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
