"""Talk to procd from asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from wakeful.apimachinery.errors import WakefulError
from wakeful.procd.types import (
    ProcdInfo,
    ProcessEvent,
    ProcessEventType,
    ProcessSpec,
    ProcessState,
    ProcessStatus,
    SignalTarget,
)
from wakeful.procd.wire import Decoder, ProtocolError, Sender, receive

SOCKET_NAME = "procd.sock"
_DIGEST = "spec-digest"


class ProcdError(WakefulError):
    """procd could not do what it was asked."""


class ProcdConnectionError(ProcdError):
    """procd does not run, or the connection to it is gone."""


class ProcessNotFoundError(ProcdError):
    """No process (or held descriptor) has this name."""


class ProcessBusyError(ProcdError):
    """The name belongs to a process that runs."""


class InvalidProcessError(ProcdError):
    """The request itself is wrong."""


class LaunchFailedError(ProcdError):
    """The program could not be started."""

    def __init__(self, message: str, *, errno: int, stage: str) -> None:
        super().__init__(message)
        self.errno, self.stage = errno, stage


class ProcdOSError(ProcdError):
    """The kernel refused; ``errno`` says how."""

    def __init__(self, message: str, *, errno: int) -> None:
        super().__init__(message)
        self.errno = errno


def connect_socket(run_dir: Path) -> socket.socket:
    """Connect to the procd of ``run_dir``, however long that path is.

    Raises:
        ProcdConnectionError: Nobody listens there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        directory = os.open(run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sock.connect(f"/proc/self/fd/{directory}/{SOCKET_NAME}")
        finally:
            os.close(directory)
    except OSError as error:
        sock.close()
        raise ProcdConnectionError(f"procd of {str(run_dir)!r}: {error.strerror}") from error
    return sock


def to_error(raw: Mapping[str, Any]) -> ProcdError:
    """Return the exception for an error answer."""
    message = raw["message"]
    match raw["code"]:
        case "missing":
            return ProcessNotFoundError(message)
        case "busy":
            return ProcessBusyError(message)
        case "launch":
            return LaunchFailedError(message, errno=raw["errno"], stage=raw["stage"])
        case "os":
            return ProcdOSError(message, errno=raw["errno"])
        case _:
            return InvalidProcessError(message)


class ProcdClient:
    """A connection to procd. Methods raise ``ProcdError``; a broken connection stays broken.

    ::

        async with await ProcdClient.connect(run_dir) as procd:
            status = await procd.spawn(ProcessSpec(name="web", argv=["/usr/bin/env"]))
    """

    def __init__(self, sock: socket.socket, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._sock = sock
        self._decoder, self._sender = Decoder(), Sender(sock)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Any, list[int]]]] = {}
        self._subscribers: list[asyncio.Queue[ProcessEvent | None]] = []
        self._subscribed = False
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._readable)

    @classmethod
    async def connect(cls, run_dir: Path) -> Self:
        """Connect to the procd that serves ``run_dir``."""
        return cls(connect_socket(run_dir), run_dir)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Disconnect; processes live on, except those that are ``owned``."""
        self._shut(None)

    @property
    def connected(self) -> bool:
        """Whether requests still reach procd."""
        return not self._closed.is_set()

    async def wait_closed(self) -> None:
        """Return when the connection has ended: procd itself is gone, or ``aclose`` was called."""
        await self._closed.wait()

    def _readable(self) -> None:
        try:
            data, fds = receive(self._sock)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._shut(error)
            return
        if not data:
            self._shut(None)
            return
        try:
            for message, message_fds in self._decoder.feed(data, fds):
                self._dispatch(message, message_fds)
        except ProtocolError as error:
            self._shut(error)

    def _dispatch(self, message: dict[str, Any], fds: list[int]) -> None:
        if "event" in message:
            raw = message.get("process")
            event = ProcessEvent(
                type=ProcessEventType(message["event"]),
                process=ProcessStatus.from_wire(raw) if raw else None,
            )
            for queue in self._subscribers:
                queue.put_nowait(event)
            return
        future = self._waiting.pop(message["id"], None)
        if future is None or future.done():
            for fd in fds:
                os.close(fd)
        elif "error" in message:
            future.set_exception(to_error(message["error"]))
        else:
            future.set_result((message["ok"], fds))

    def _writable(self) -> None:
        try:
            if self._sender.flush():
                self._loop.remove_writer(self._sock.fileno())
        except OSError as error:
            self._shut(error)

    def _shut(self, cause: Exception | None) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        self._sender.close()
        self._decoder.close()
        for future in self._waiting.values():
            if not future.done():
                error = ProcdConnectionError(f"procd of {str(self.run_dir)!r}: connection lost")
                error.__cause__ = cause
                future.set_exception(error)
        self._waiting.clear()
        for queue in self._subscribers:
            queue.put_nowait(None)

    async def _call(
        self, op: str, fds: Sequence[int] = (), **arguments: Any
    ) -> tuple[Any, list[int]]:
        if self._closed.is_set():
            raise ProcdConnectionError(f"procd of {str(self.run_dir)!r}: not connected")
        number = next(self._numbers)
        future: asyncio.Future[tuple[Any, list[int]]] = self._loop.create_future()
        self._waiting[number] = future
        # Duplicates, because the caller may be cancelled and close its own before they are sent.
        copies = [os.dup(fd) for fd in fds]
        self._sender.push({"id": number, "op": op, **arguments}, copies, own=True)
        try:
            if not self._sender.flush():
                self._loop.add_writer(self._sock.fileno(), self._writable)
        except OSError as error:
            self._shut(error)
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    async def info(self) -> ProcdInfo:
        """Ask the server about itself."""
        raw, _ = await self._call("hello")
        return ProcdInfo(
            pid=raw["pid"],
            started_at=None,
            root=raw["root"],
            stage=Path(raw["stage"]) if raw["stage"] else None,
            stage_error=raw["stage_error"],
        )

    async def spawn(
        self, spec: ProcessSpec, *, mounts: Sequence[Mapping[str, Any]] = ()
    ) -> ProcessStatus:
        """Start a process; returns once its program was executed.

        ``mounts`` are carried out first, as ``mount`` does; they stay if the start fails. An ended
        process of the same name is forgotten.

        Raises:
            ProcessBusyError: One of this name runs.
            LaunchFailedError: The program cannot be executed.
        """
        wire, fds = spec.to_wire()
        steps = [dict(step) for step in mounts]
        raw, _ = await self._call("spawn", fds, spec=wire, mounts=steps)
        return ProcessStatus.from_wire(raw)

    async def ensure(self, spec: ProcessSpec) -> tuple[ProcessStatus, bool]:
        """Let a process with exactly this spec run; return it, and whether it ran before.

        One with another spec is stopped first.
        """
        digest = spec.digest()
        wanted = replace(spec, meta={**spec.meta, _DIGEST: digest})
        with contextlib.suppress(ProcessNotFoundError):
            have = await self.get(spec.name)
            if have.state is not ProcessState.EXITED:
                if have.meta.get(_DIGEST) == digest:
                    return have, True
                await self.stop(spec.name)
        return await self.spawn(wanted), False

    async def signal(
        self, name: str, number: int, *, to: SignalTarget = SignalTarget.PROCESS
    ) -> bool:
        """Send a signal; return whether there was a process to receive it."""
        raw, _ = await self._call("signal", name=name, signal=int(number), to=to.value)
        return bool(raw["sent"])

    async def stop(
        self, name: str, *, signal: int | None = None, grace_seconds: float | None = None
    ) -> ProcessStatus:
        """Send the stop signal, wait, kill; return how it ended. It is not started again."""
        raw, _ = await self._call(
            "stop", name=name, signal=None if signal is None else int(signal), grace_s=grace_seconds
        )
        return ProcessStatus.from_wire(raw)

    async def kill(self, name: str) -> ProcessStatus:
        """Kill it and everything it started; return how it ended."""
        raw, _ = await self._call("kill", name=name)
        return ProcessStatus.from_wire(raw)

    async def get(self, name: str) -> ProcessStatus:
        """Return one process, or raise ``ProcessNotFoundError``."""
        raw, _ = await self._call("get", name=name)
        return ProcessStatus.from_wire(raw)

    async def wait(self, name: str) -> ProcessStatus:
        """Return once it has ended for good; at once when it already has."""
        raw, _ = await self._call("get", name=name, wait=True)
        return ProcessStatus.from_wire(raw)

    async def list(self, prefix: str = "") -> Sequence[ProcessStatus]:
        """Return every process whose name begins with ``prefix``."""
        raw, _ = await self._call("list", prefix=prefix)
        return [ProcessStatus.from_wire(entry) for entry in raw]

    async def remove(self, name: str) -> None:
        """Forget an ended process; nothing happens when there is none."""
        await self._call("remove", name=name)

    async def sync(self, name: str) -> None:
        """Return when everything it has written so far is in its log file."""
        await self._call("sync", name=name)

    async def hold(self, name: str, fd: int) -> None:
        """Let procd keep a duplicate of ``fd`` for as long as it lives."""
        await self._call("hold", [fd], name=name)

    async def take(self, name: str) -> int:
        """Return a duplicate of a held descriptor; the caller closes it."""
        _, fds = await self._call("take", name=name)
        return fds[0]

    async def release(self, name: str) -> None:
        """Let procd close a held descriptor; nothing happens when there is none."""
        await self._call("release", name=name)

    async def held(self) -> Sequence[str]:
        """Return the names of all held descriptors."""
        raw, _ = await self._call("held")
        return tuple(raw)

    async def mount(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Carry out mounts on the stage, all or none (see ``wakeful.procd.mounts``)."""
        await self._call("mount", steps=[dict(step) for step in steps])

    async def unmount(self, target: Path) -> None:
        """Clear a place on the stage."""
        await self._call("unmount", target=str(target))

    async def shutdown(self, grace_seconds: float | None = None) -> None:
        """Stop every process in order, then procd; returns when all have ended."""
        with contextlib.suppress(ProcdConnectionError):
            await self._call("shutdown", grace_s=grace_seconds)
        await self._closed.wait()

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ProcessEvent]]:
        """Subscribe; what happens after entering is delivered, until the connection ends."""
        queue: asyncio.Queue[ProcessEvent | None] = asyncio.Queue()
        self._subscribers.append(queue)
        try:
            if not self._subscribed:
                await self._call("subscribe")
                self._subscribed = True
            yield _until_none(queue)
        finally:
            self._subscribers.remove(queue)


async def _until_none(queue: asyncio.Queue[ProcessEvent | None]) -> AsyncIterator[ProcessEvent]:
    while (event := await queue.get()) is not None:
        yield event
