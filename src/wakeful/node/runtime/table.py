"""Sandboxes and containers of a runtime: what is on disk, what procd says, who wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from wakeful.node.runtime import records
from wakeful.node.runtime.errors import (
    ContainerNotFoundError,
    RuntimeOperationError,
    SandboxExistsError,
    SandboxNotFoundError,
)
from wakeful.node.runtime.network import Lease
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.statuses import container_status
from wakeful.node.runtime.trees import remove_tree
from wakeful.node.runtime.types import (
    ContainerEvent,
    ContainerEventType,
    ContainerState,
    ContainerStatus,
    SandboxStatus,
)
from wakeful.procd.client import ProcdClient, ProcessNotFoundError
from wakeful.procd.types import ProcessEventType, ProcessStatus

log = structlog.get_logger("wakeful.node.runtime")

KILLED_CODE = 137


class ContainerTable:
    """Records by sandbox id, kept in step with procd by a task that ``start`` begins."""

    def __init__(
        self,
        procd: ProcdClient,
        root: Path,
        *,
        oom_kills: Callable[[ContainerRecord], int] = lambda _: 0,
    ) -> None:
        self._procd, self._root, self._oom_kills = procd, root / "sandboxes", oom_kills
        self.sandboxes: dict[str, SandboxRecord] = {}
        self._processes: dict[str, ProcessStatus] = {}
        self._subscribers: list[asyncio.Queue[ContainerEvent | None]] = []
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the records and subscribe to procd; instances without a record are killed."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in sorted(self._root.iterdir()):
            try:
                record = records.load(directory)
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning(
                    "sandbox state unreadable, removed", directory=str(directory), error=str(error)
                )
                await asyncio.to_thread(remove_tree, directory)
            else:
                self.sandboxes[record.id] = record
        subscribed = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch(subscribed), name="runtime:events")
        await subscribed.wait()
        known = {container.process for container in self.containers()}
        for status in await self._procd.list(records.PROCESS_PREFIX):
            if status.name in known:
                self._processes[status.name] = status
            else:
                log.warning("unknown instance killed", process=status.name)
                await self._procd.kill(status.name)
                await self._procd.remove(status.name)

    async def aclose(self) -> None:
        """Stop listening; subscribers see the end."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        self._end_subscriptions()

    def _end_subscriptions(self) -> None:
        for queue in self._subscribers:
            queue.put_nowait(None)

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
        try:
            async with self._procd.events() as events:
                subscribed.set()
                async for event in events:
                    if event.type is ProcessEventType.OVERFLOW:
                        for known in await self._procd.list(records.PROCESS_PREFIX):
                            self._processes[known.name] = known
                        self._tell(ContainerEvent(type=ContainerEventType.OVERFLOW, container=None))
                    elif event.process is not None:
                        self._changed(event.type, event.process)
        finally:
            subscribed.set()
            self._end_subscriptions()

    def _changed(self, kind: ProcessEventType, process: ProcessStatus) -> None:
        if not process.name.startswith(records.PROCESS_PREFIX):
            return
        try:
            record = self.container(process.name.removeprefix(records.PROCESS_PREFIX))
        except ContainerNotFoundError:
            return
        self._processes[process.name] = process
        type_ = (
            ContainerEventType.STARTED
            if kind is ProcessEventType.STARTED
            else ContainerEventType.EXITED
        )
        self._tell(ContainerEvent(type=type_, container=self.status(record)))

    def _tell(self, event: ContainerEvent) -> None:
        for queue in self._subscribers:
            queue.put_nowait(event)

    def sandbox(self, sandbox_id: str) -> SandboxRecord:
        """Return one sandbox, or raise ``SandboxNotFoundError``."""
        try:
            return self.sandboxes[sandbox_id]
        except KeyError:
            raise SandboxNotFoundError(sandbox_id) from None

    def container(self, container_id: str) -> ContainerRecord:
        """Return one container, or raise ``ContainerNotFoundError``."""
        record = self.sandboxes.get(container_id.split("/", 1)[0])
        if record is None or container_id not in record.containers:
            raise ContainerNotFoundError(container_id)
        return record.containers[container_id]

    def running(self, container_id: str) -> ContainerRecord:
        """Return one container that runs, or raise ``ContainerNotFoundError``."""
        container = self.container(container_id)
        if self.status(container).state is not ContainerState.RUNNING:
            raise ContainerNotFoundError(container_id)
        return container

    def sandbox_of(self, container: ContainerRecord) -> SandboxRecord:
        """Return the sandbox that ``container`` is in."""
        return self.sandbox(container.id.split("/", 1)[0])

    def containers(self) -> list[ContainerRecord]:
        """Return every container of every sandbox."""
        return [c for record in self.sandboxes.values() for c in record.containers.values()]

    def claim(self, record: SandboxRecord) -> Path:
        """Take the sandbox's name and make its directory, which is returned.

        Raises:
            SandboxExistsError: It is taken.
        """
        name = record.id
        if name in self.sandboxes:
            raise SandboxExistsError(name)
        if not name.strip(".") or "/" in name or "\0" in name or len(name) > 128:
            raise RuntimeOperationError(f"sandbox id {name!r} is not a name")
        directory = self.directory(name)
        directory.mkdir(mode=0o700, exist_ok=True)
        self.sandboxes[name] = record
        return directory

    async def forget(self, sandbox_id: str) -> None:
        """Give the name back and remove the directory."""
        self.sandboxes.pop(sandbox_id, None)
        await asyncio.to_thread(remove_tree, self.directory(sandbox_id))

    def directory(self, sandbox_id: str) -> Path:
        """Return where the sandbox's files are."""
        return self._root / sandbox_id

    def save(self, record: SandboxRecord) -> None:
        """Write the record to disk."""
        records.save(record, self.directory(record.id))

    def learn(self, process: ProcessStatus) -> None:
        """Take in what procd answered, which is newer than what it told before."""
        self._processes[process.name] = process

    def learn_start(self, process: ProcessStatus) -> None:
        """Take in a start, unless its end was heard of meanwhile."""
        self._processes.setdefault(process.name, process)

    async def wait(self, container_id: str) -> ContainerStatus:
        """Return once it has ended."""
        container = self.container(container_id)
        with suppress(ProcessNotFoundError):
            self.learn(await self._procd.wait(container.process))
        return self.status(container)

    def unlearn(self, container: ContainerRecord) -> None:
        """Forget what procd said of a container that is no more."""
        self._processes.pop(container.process, None)

    def process(self, container: ContainerRecord) -> ProcessStatus | None:
        """Return what procd said last, or None when it never ran since procd was started."""
        return self._processes.get(container.process)

    def status(self, container: ContainerRecord) -> ContainerStatus:
        """Put together what is known of a container."""
        process = self._processes.get(container.process)
        killed = process is not None and process.exit_code == KILLED_CODE
        return container_status(
            container, process, oom_kills=self._oom_kills(container) if killed else 0
        )

    def sandbox_status(self, record: SandboxRecord) -> SandboxStatus:
        """Put together what is known of a sandbox."""
        lease = record.lease or Lease("127.0.0.1")
        return SandboxStatus(
            id=record.id,
            ip=lease.ip,
            host_network=record.config.host_network or lease.ip == "127.0.0.1",
            created_at=record.created_at,
            config=record.config,
            frozen=record.frozen,
            containers=tuple(self.status(c) for c in record.containers.values()),
        )


async def _until_none(
    queue: asyncio.Queue[ContainerEvent | None],
) -> AsyncIterator[ContainerEvent]:
    while (event := await queue.get()) is not None:
        yield event
