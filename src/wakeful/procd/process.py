"""A supervised process: its descriptors, its output, and what is known about it."""

from __future__ import annotations

import contextlib
import os
import time

from wakeful.procd.logs import LineWriter, LogFile, Timestamps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wakeful.procd.loop import Loop, Timer
    from wakeful.procd.spec import Spec

STARTING, RUNNING, BACKOFF, EXITED = "starting", "running", "backoff", "exited"
_CHUNK = 65536
_stamps = Timestamps()


class Output:
    """One pipe or terminal of a process, read into its log."""

    def __init__(self, loop: Loop, fd: int, writer: LineWriter, closed: Callable[[], None]) -> None:
        self._loop, self._fd, self._writer, self._closed = loop, fd, writer, closed
        self.lost_bytes = 0
        os.set_blocking(fd, False)
        loop.watch(fd, 1, self._ready)

    def _ready(self, _: int) -> None:
        if not self.read_once():
            self.close()
            self._closed()

    def read_once(self) -> bool:
        """Take one chunk; return False at the end of the stream."""
        try:
            chunk = os.read(self._fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:  # a terminal without its other side
            chunk = b""
        if not chunk:
            return False
        try:
            self._writer.feed(chunk, time.time_ns())
        except OSError:  # disk full: the process must not suffer, its log does
            self.lost_bytes += len(chunk)
        return True

    def drain(self) -> bool:
        """Read what is there now; return whether that was the end, and it is closed."""
        while self._fd >= 0:
            try:
                chunk = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                return False
            except OSError:
                chunk = b""
            if not chunk:
                self.close()
                break
            with contextlib.suppress(OSError):
                self._writer.feed(chunk, time.time_ns())
        return True

    def close(self) -> None:
        """Stop reading; a last line without newline is written."""
        if self._fd >= 0:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                self._writer.finish(time.time_ns())


class Process:
    """What the server keeps about one name."""

    def __init__(self, spec: Spec, loop: Loop) -> None:
        self.spec, self._loop = spec, loop
        self.state = STARTING
        self.pid = 0
        self.started_ns = 0
        self.exited_ns = 0
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.restarts = 0
        self.failures = 0
        self.stopping = False
        self.owner: object | None = None
        self.extra_fds: dict[int, int] = {}
        """Descriptors kept for restarts: the child's number → ours."""
        self.stdin_fd = -1
        self.outputs: list[Output] = []
        self.kill_timer: Timer | None = None
        self.restart_timer: Timer | None = None
        self.on_exit: list[Callable[[], None]] = []
        self._log: LogFile | None = None
        if spec.log_path:
            self._log = LogFile(spec.log_path, spec.log_max_bytes, spec.log_max_files)

    @property
    def alive(self) -> bool:
        """Whether there is a child to send signals to."""
        return self.state in (STARTING, RUNNING) and self.pid > 0

    def capture(self, fd: int, stream: str) -> None:
        """Read ``fd`` into the log until it ends."""
        log = self._log or LogFile(os.devnull, 1 << 62, 1)

        def closed() -> None:
            self.outputs = [o for o in self.outputs if o is not output]
            if not self.outputs and self.state == EXITED:
                self.close_log()

        output = Output(self._loop, fd, LineWriter(log, stream, _stamps), closed)
        self.outputs.append(output)

    def drain(self) -> None:
        """Bring the log up to date."""
        self.outputs = [output for output in self.outputs if not output.drain()]

    def close_log(self) -> None:
        """Close the log file; it opens again when needed."""
        if self._log is not None:
            self._log.close()

    def release_streams(self) -> None:
        """Close what belongs to one run of the process."""
        for output in self.outputs:
            output.close()
        self.outputs = []
        if self.stdin_fd >= 0:
            os.close(self.stdin_fd)
            self.stdin_fd = -1
        self.close_log()

    def close(self) -> None:
        """Forget everything about it."""
        self.release_streams()
        for timer in (self.kill_timer, self.restart_timer):
            if timer is not None:
                timer.cancel()
        self.release_passed()

    def release_passed(self) -> None:
        """Close what clients passed for the child, which has it by now."""
        for fd in self.extra_fds.values():
            os.close(fd)
        self.extra_fds = {}

    def status(self) -> dict[str, Any]:
        """What clients see; no environment and no data, they may hold secrets."""
        return {
            "name": self.spec.name,
            "state": self.state,
            "pid": self.pid,
            "argv": self.spec.argv,
            "started_ns": self.started_ns,
            "exited_ns": self.exited_ns,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "restarts": self.restarts,
            "log_path": self.spec.log_path,
            "meta": self.spec.meta,
        }
