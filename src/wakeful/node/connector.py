"""Reaching into Pods for the API server: logs, exec, attach and port-forward."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeGuard

from wakeful.apimachinery.errors import BadRequestError, InternalServerError, NotFoundError
from wakeful.apis.core.pod_types import Pod, PodStatus
from wakeful.apis.serving.config.requestlog import QUEUE_PROXY, parse_request_line
from wakeful.apiserver.protocols import (
    ByteStream,
    Channel,
    ExecOptions,
    ExecSession,
    LogOptions,
    PodRef,
)
from wakeful.node.context import NodeContext
from wakeful.node.runtime import (
    ContainerNotFoundError,
    ContainerState,
    ContainerStatus,
    ExecConfig,
    ExecProcess,
    RuntimeOperationError,
    SandboxNotFoundError,
)
from wakeful.procd.logreader import LogLine, LogQuery, stream_lines, stream_log

_CHUNK = 32 * 1024
_PULL_REASONS = ("ErrImagePull", "ImagePullBackOff")
_PULLING = "trying and failing to pull image"
_NOT_EXECUTABLE = 126


class PodConnector:
    """Plays the API server's ``NodeConnector`` for the Pods of this node.

    The API opens before the agent has found what runs: who wants to reach in waits for that.
    """

    def __init__(self, node: NodeContext, requests: Path | None = None) -> None:
        self._node, self._requests = node, requests

    async def logs(self, pod: PodRef, options: LogOptions) -> AsyncIterator[bytes]:
        """Chunks of a container's log; with ``follow`` until the container ends."""
        query = LogQuery(
            follow=options.follow and not options.previous,
            tail_lines=options.tail_lines,
            limit_bytes=options.limit_bytes,
            since=options.since,
            timestamps=options.timestamps,
        )
        if self._requests is not None and await self._asks_for_requests(pod, options.container):
            async for chunk in stream_log(
                self._requests, query, ended=_Gone(self, pod), pick=partial(_about_pod, pod)
            ):
                yield chunk
            return
        run = await self.newest(pod, options.container)
        attempt = await self._attempt(pod, options, run)
        path = self._node.log_path(pod.uid, options.container, attempt)
        ended = self.ended(run) if _has_begun(run) else _Awaited(self, pod, options.container)
        async for chunk in stream_log(path, query, ended=ended):
            yield chunk

    async def _asks_for_requests(self, pod: PodRef, container: str) -> bool:
        """Whether the lines about a Pod's requests are wanted, which no container writes here."""
        if container != QUEUE_PROXY:
            return False
        found = await self.find(pod)
        return found is not None and all(c.name != container for c in found.spec.containers)

    async def find(self, pod: PodRef) -> Pod | None:
        """The very Pod; None when it is gone."""
        found = await self._node.client.find(Pod, pod.name, pod.namespace)
        return found if found is not None and found.metadata.uid == pod.uid else None

    @asynccontextmanager
    async def execute(self, pod: PodRef, options: ExecOptions) -> AsyncIterator[ExecSession]:
        """Start a command in a container; leaving the context kills what still runs."""
        run = await self._running(pod, options.container)
        config = ExecConfig(argv=options.command, tty=options.tty, stdin=options.stdin)
        try:
            process = await self._node.runtime.exec(run.id, config)
        except ContainerNotFoundError as err:
            raise _not_running(pod, options.container) from err
        except RuntimeOperationError as err:
            raise InternalServerError(f"error executing command in container: {err}") from err
        try:
            yield _Process(process)
        finally:
            await process.aclose()

    @asynccontextmanager
    async def attach(self, pod: PodRef, options: ExecOptions) -> AsyncIterator[ExecSession]:
        """Follow the container's own process; leaving the context detaches."""
        run = await self._running(pod, options.container)
        yield _Attached(self._node, run, self.ended(run))

    @asynccontextmanager
    async def connect(self, pod: PodRef, port: int) -> AsyncIterator[ByteStream]:
        """Open a TCP connection to a port of the pod."""
        await self._node.adopted.wait()
        actual = self._node.ports.of(pod.uid).get(port, port)
        try:
            reader, writer = await self._node.runtime.dial(pod.uid, actual)
        except SandboxNotFoundError as err:
            raise _not_running(pod, "") from err
        except (OSError, RuntimeOperationError) as err:
            raise InternalServerError(
                f"error forwarding port {port} to pod {pod.name}: {err}"
            ) from err
        try:
            yield _Connection(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def newest(self, pod: PodRef, container: str) -> ContainerStatus | None:
        """The newest run of a container; None before its first."""
        try:
            sandbox = await self._node.runtime.sandbox(pod.uid)
        except SandboxNotFoundError:
            return None
        runs = [c for c in sandbox.containers if c.name == container]
        return max(runs, key=lambda c: c.attempt, default=None)

    async def _running(self, pod: PodRef, container: str) -> ContainerStatus:
        await self._node.adopted.wait()
        run = await self.newest(pod, container)
        if run is None or run.state is not ContainerState.RUNNING:
            raise _not_running(pod, container)
        return run

    async def _attempt(self, pod: PodRef, options: LogOptions, run: ContainerStatus | None) -> int:
        """Which run is meant: the newest, or the one before that.

        While a container waits to be started again, the run that has ended is both.
        """
        name = options.container
        attempts = self._attempts(pod, name)
        newest = run.attempt if run is not None else max(attempts, default=None)
        waits, ended, began = await self._waiting(pod, name)
        if options.previous and not ended:
            older = [a for a in attempts if newest is not None and a < newest]
            newest = older[-1] if older else None
        if newest is not None:
            return newest
        if options.previous:
            raise BadRequestError(
                f'previous terminated container "{name}" in pod "{pod.name}" not found'
            )
        if began is not None and not options.previous:
            return began  # it printed nothing, and its sandbox is gone
        why = _PULLING if waits in _PULL_REASONS else waits or "ContainerCreating"
        raise BadRequestError(f'container "{name}" in pod "{pod.name}" is waiting to start: {why}')

    async def _waiting(self, pod: PodRef, container: str) -> tuple[str, bool, int | None]:
        """Why a container waits (empty: it does not), whether a run of it has ended before.

        The number is that of the run that is or was, when the container does not wait.
        """
        found = await self._node.client.find(Pod, pod.name, pod.namespace)
        status = found.status if found is not None else PodStatus()
        for one in (*status.init_container_statuses, *status.container_statuses):
            if one.name != container or one.state is None:
                continue
            if one.state.waiting is not None:
                last = one.last_state
                ended = last is not None and last.terminated is not None
                return one.state.waiting.reason, ended, None
            return "", False, one.restart_count or 0
        return "", False, None

    def _attempts(self, pod: PodRef, container: str) -> list[int]:
        folder: Path = self._node.log_path(pod.uid, container, 0).parent
        stems = (p.stem for p in folder.glob("*.log"))
        return sorted(int(stem) for stem in stems if stem.isdigit())

    async def shows_running(self, pod: PodRef, container: str) -> bool:
        """Whether a container counts as running: a step that waits for its turn does."""
        found = await self._node.client.find(Pod, pod.name, pod.namespace)
        if found is None or found.metadata.uid != pod.uid:
            return False
        states = {s.name: s.state for s in found.status.container_statuses}
        state = states.get(container)
        return state is not None and state.running is not None

    def ended(self, run: ContainerStatus) -> _Ended:
        """Tells whether a run is over."""
        return _Ended(self._node, run)


class _Ended:
    """Whether a run is over."""

    def __init__(self, node: NodeContext, run: ContainerStatus) -> None:
        self._node, self._run = node, run

    async def __call__(self) -> bool:
        try:
            now = await self._node.runtime.container(self._run.id)
        except RuntimeOperationError:
            return True
        return now.state is not ContainerState.RUNNING


class _Gone:
    """Whether nothing will be said about a Pod any more."""

    def __init__(self, connector: PodConnector, pod: PodRef) -> None:
        self._connector, self._pod = connector, pod

    async def __call__(self) -> bool:
        found = await self._connector.find(self._pod)
        return found is None or found.is_finished


def _about_pod(pod: PodRef, line: LogLine) -> LogLine | None:
    """The line as its template has it, if it is about a request to the Pod."""
    found = parse_request_line(line.text)
    if found is None or (found.namespace, found.pod) != (pod.namespace, pod.name):
        return None
    return replace(line, text=found.line.encode())


class _Awaited:
    """Whether a container that has not begun will not begin any more, or is over since."""

    def __init__(self, connector: PodConnector, pod: PodRef, container: str) -> None:
        self._connector, self._pod, self._container = connector, pod, container
        self._run: _Ended | None = None

    async def __call__(self) -> bool:
        if self._run is None:
            run = await self._connector.newest(self._pod, self._container)
            self._run = self._connector.ended(run) if _has_begun(run) else None
        if self._run is not None:
            return await self._run()
        return not await self._connector.shows_running(self._pod, self._container)


def _has_begun(run: ContainerStatus | None) -> TypeGuard[ContainerStatus]:
    """Whether there is a program, or was one: a run that is being started is not known yet."""
    return run is not None and run.state is not ContainerState.UNKNOWN


def _not_running(pod: PodRef, container: str) -> NotFoundError | BadRequestError:
    if not container:
        return BadRequestError(f"pod {pod.name} is not running")
    return NotFoundError(f'container not found ("{container}")')


class _Process:
    """An exec as the API server wants it."""

    def __init__(self, process: ExecProcess) -> None:
        self._process = process

    async def write(self, data: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def close_stdin(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def resize(self, width: int, height: int) -> None:
        await self._process.resize(height, width)

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        sources: dict[Channel, asyncio.StreamReader] = {1: self._process.stdout}
        if self._process.stderr is not None:
            sources[2] = self._process.stderr
        reads: dict[asyncio.Task[bytes], Channel] = {
            asyncio.ensure_future(reader.read(_CHUNK)): channel
            for channel, reader in sources.items()
        }
        try:
            while reads:
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    channel = reads.pop(task)
                    if data := task.result():
                        again = asyncio.ensure_future(sources[channel].read(_CHUNK))
                        reads[again] = channel
                        yield channel, data
        finally:
            for task in reads:
                task.cancel()

    async def wait(self) -> int:
        return await self._process.wait()


class _Attached:
    """A container's own output, read from its log as it grows."""

    def __init__(self, node: NodeContext, run: ContainerStatus, ended: _Ended) -> None:
        self._node, self._run, self._ended = node, run, ended

    async def write(self, data: bytes) -> None:
        raise BadRequestError("standard input of a container cannot be attached on this node")

    async def close_stdin(self) -> None:
        return

    async def resize(self, width: int, height: int) -> None:
        del width, height

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        query = LogQuery(follow=True)
        async for line in stream_lines(self._run.log_path, query, ended=self._ended):
            data = line.text if line.partial else line.text + b"\n"
            yield (2 if line.stream == "stderr" else 1), data

    async def wait(self) -> int:
        final = await self._node.runtime.wait_container(self._run.id)
        return final.exit_code if final.exit_code is not None else _NOT_EXECUTABLE


class _Connection:
    """A TCP connection as the API server wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, limit: int) -> bytes:
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def write_eof(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()
