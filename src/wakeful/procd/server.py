"""The server: one thread, one loop, all children."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import sys
import time

from wakeful.procd import linux
from wakeful.procd.connection import Connection
from wakeful.procd.errors import BusyError, MissingError, RequestError, SpecError
from wakeful.procd.launch import raise_own_limits
from wakeful.procd.loop import READ, Loop
from wakeful.procd.mounts import Stage
from wakeful.procd.process import EXITED
from wakeful.procd.table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wakeful.procd.errors import LaunchError
    from wakeful.procd.process import Process

EXIT_ALREADY_RUNNING = 3


class Server:
    """Requests to the process table, events to subscribers."""

    def __init__(self, run_dir: str, log: Callable[[str], None]) -> None:
        self.loop = Loop(self._fault)
        self.log = log
        self._run_dir = run_dir
        self._connections: list[Connection] = []
        self._held: dict[str, int] = {}
        self._stage = Stage(run_dir, log)
        self._table = Table(self.loop, self._held, self._stage, self._tell)
        self._ending = False
        self._started_ns = time.time_ns()
        self._ops: dict[str, Callable[[Connection, int, dict[str, Any], list[int]], None]] = {
            "hello": self._hello,
            "spawn": self._spawn,
            "signal": self._signal,
            "stop": self._stop,
            "kill": self._kill,
            "list": self._list,
            "get": self._get,
            "remove": self._remove,
            "sync": self._sync,
            "subscribe": self._subscribe,
            "hold": self._hold,
            "take": self._take,
            "release": self._release,
            "held": self._list_held,
            "mount": self._mount,
            "unmount": self._unmount,
            "shutdown": self._shutdown,
        }

    def _fault(self) -> None:
        import traceback  # a tenth of our start-up time, for what should never happen

        self.log(f"fault: {traceback.format_exc()}")

    def listen(self, listener: socket.socket) -> None:
        """Accept clients of our own user and root only."""

        def ready(_: int) -> None:
            with contextlib.suppress(BlockingIOError):
                sock, _ = listener.accept()
                peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                if int.from_bytes(peer[4:8], sys.byteorder) not in (0, os.getuid()):
                    sock.close()
                    return
                connection = Connection(self.loop, sock, self.log, self.handle, self._disconnected)
                self._connections.append(connection)

        listener.setblocking(False)
        self.loop.watch(listener.fileno(), READ, ready)

    def run(self) -> None:
        """Until told to shut down; no child is left then."""
        self.loop.on_signal(signal.SIGCHLD, self._table.reap)
        self.loop.on_signal(signal.SIGTERM, lambda: self.end(None))
        self.loop.on_signal(signal.SIGINT, lambda: self.end(None))
        self.loop.run()
        self._stage.close()

    def handle(self, connection: Connection, message: dict[str, Any], fds: list[int]) -> None:
        """Carry out one request; descriptors not taken over are closed."""
        number = message.get("id", 0)
        op = self._ops.get(str(message.get("op")))
        kept: list[int] = list(fds)
        try:
            if op is None:
                raise SpecError(f"op {message.get('op')!r} is unknown")
            op(connection, number, message, kept)
        except RequestError as error:
            self._refuse(connection, number, error)
        except OSError as error:
            self._fail(connection, number, "os", str(error), error.errno or 5)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._fail(connection, number, "invalid", f"request is malformed: {error!r}")
        finally:
            for fd in kept:
                os.close(fd)

    def _refuse(self, connection: Connection, number: int, error: RequestError) -> None:
        self._fail(connection, number, error.code, str(error), error.number, error.stage)

    def _fail(
        self,
        connection: Connection,
        number: int,
        code: str,
        text: str,
        errno: int = 0,
        stage: str = "",
    ) -> None:
        error = {"code": code, "message": text, "errno": errno, "stage": stage}
        connection.send({"id": number, "error": error})

    def _disconnected(self, connection: Connection) -> None:
        """Kill what the client owned: exec sessions end with their caller."""
        self._connections = [c for c in self._connections if c is not connection]
        self._table.disown(connection)

    def _tell(self, event: dict[str, Any]) -> None:
        for connection in list(self._connections):
            connection.tell(event)

    def _hello(self, connection: Connection, number: int, _: dict[str, Any], __: list[int]) -> None:
        answer = {
            "pid": os.getpid(),
            "started_ns": self._started_ns,
            "root": os.geteuid() == 0,
            "stage": self._stage.path,
            "stage_error": self._stage.error,
            "run_dir": self._run_dir,
        }
        connection.send({"id": number, "ok": answer})

    def _spawn(
        self, connection: Connection, number: int, message: dict[str, Any], fds: list[int]
    ) -> None:
        def started(process: Process) -> None:
            connection.send({"id": number, "ok": process.status()})

        def failed(error: LaunchError) -> None:
            self._refuse(connection, number, error)

        if message.get("mounts"):
            self._stage.mount(message["mounts"])
        self._table.start(message["spec"], fds, connection, started, failed)

    def _signal(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        sent = self._table.signal(message["name"], message["signal"], message.get("to", "main"))
        connection.send({"id": number, "ok": {"sent": sent}})

    def _stop(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        process = self._table.get(message["name"])
        self._table.stop(
            process,
            message.get("signal") or process.spec.stop_signal,
            process.spec.stop_grace_s if message.get("grace_s") is None else message["grace_s"],
            lambda: connection.send({"id": number, "ok": process.status()}),
        )

    def _kill(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        process = self._table.get(message["name"])
        self._table.stop(
            process, 9, 0, lambda: connection.send({"id": number, "ok": process.status()})
        )

    def _list(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        prefix = message.get("prefix", "")
        found = [p.status() for n, p in self._table.processes.items() if n.startswith(prefix)]
        connection.send({"id": number, "ok": found})

    def _get(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        process = self._table.get(message["name"])
        if message.get("wait") and process.state != EXITED:
            process.on_exit.append(lambda: connection.send({"id": number, "ok": process.status()}))
            return
        connection.send({"id": number, "ok": process.status()})

    def _remove(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        self._table.remove(message["name"])
        connection.send({"id": number, "ok": {}})

    def _sync(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        self._table.get(message["name"]).drain()
        connection.send({"id": number, "ok": {}})

    def _subscribe(
        self, connection: Connection, number: int, _: dict[str, Any], __: list[int]
    ) -> None:
        connection.subscribed = True
        connection.send({"id": number, "ok": {}})

    def _hold(
        self, connection: Connection, number: int, message: dict[str, Any], fds: list[int]
    ) -> None:
        name = str(message["name"])
        if len(fds) != 1:
            raise SpecError("hold takes one descriptor")
        if name in self._held:
            raise BusyError(f"{name!r} is held already")
        self._held[name] = fds.pop()
        connection.send({"id": number, "ok": {}})

    def _take(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        fd = self._held.get(message["name"])
        if fd is None:
            raise MissingError(f"{message['name']!r} is not held")
        connection.send({"id": number, "ok": {}}, [os.dup(fd)])

    def _release(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        fd = self._held.pop(message["name"], None)
        if fd is not None:
            os.close(fd)
        connection.send({"id": number, "ok": {}})

    def _list_held(
        self, connection: Connection, number: int, _: dict[str, Any], __: list[int]
    ) -> None:
        connection.send({"id": number, "ok": sorted(self._held)})

    def _mount(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        self._stage.mount(message["steps"])
        connection.send({"id": number, "ok": {}})

    def _unmount(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        self._stage.unmount(message["target"])
        connection.send({"id": number, "ok": {}})

    def _shutdown(
        self, connection: Connection, number: int, message: dict[str, Any], _: list[int]
    ) -> None:
        def done() -> None:
            connection.send({"id": number, "ok": {}})

        self.end(message.get("grace_s"), done)

    def end(self, grace_s: float | None, done: Callable[[], None] | None = None) -> None:
        """Stop everything in order, then the loop."""

        def finished() -> None:
            if done:
                done()
            self.loop.running = False

        if self._ending:
            return
        self._ending = True
        self.log("shutting down")
        self._table.stop_all(grace_s, finished)


def main(argv: list[str] | None = None) -> None:
    """``--run-dir DIR [--ready-fd N]``; returns when everything has been stopped."""
    args = sys.argv[1:] if argv is None else argv
    options = dict(zip(args[::2], args[1::2], strict=False))
    run_dir = options.get("--run-dir", "")
    if not run_dir or len(args) % 2 or set(options) - {"--run-dir", "--ready-fd"}:
        sys.stderr.write("usage: python -m wakeful.procd --run-dir DIR [--ready-fd N]\n")
        raise SystemExit(2)
    os.makedirs(run_dir, mode=0o700, exist_ok=True)
    run_dir = os.path.abspath(run_dir)
    os.umask(0o022)
    lock = os.open(f"{run_dir}/procd.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(lock, 32).decode().strip()
        sys.stderr.write(f"procd: run directory {run_dir!r} is in use by process {pid}\n")
        raise SystemExit(EXIT_ALREADY_RUNNING) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    _serve(run_dir, options)


def _serve(run_dir: str, options: dict[str, str]) -> None:
    os.chdir(run_dir)  # a relative address fits into the 107 bytes that a socket's path may have
    with contextlib.suppress(FileNotFoundError):
        os.unlink("procd.sock")
    old = os.umask(0o177)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("procd.sock")
    os.umask(old)
    listener.listen(128)
    os.chdir("/")
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    raise_own_limits()
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])

    def log(text: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{stamp} procd {text}\n")
            sys.stderr.flush()

    server = Server(run_dir, log)
    server.listen(listener)
    gc.collect()
    gc.freeze()
    log(f"serving {run_dir}")
    if "--ready-fd" in options:
        fd = int(options["--ready-fd"])
        os.write(fd, b"ready\n")
        os.close(fd)
    try:
        server.run()
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"{run_dir}/procd.sock")
    log("ended")
