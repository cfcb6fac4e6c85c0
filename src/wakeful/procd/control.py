"""Start, ping and stop procd without an event loop: for ``wakeful up`` and ``down``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from wakeful.procd.client import ProcdConnectionError, ProcdError, connect_socket, to_error
from wakeful.procd.wire import Decoder, encode

_SERVER = "import sys; sys.path.insert(0, {src!r}); from wakeful.procd.server import main; main()"


class ProcdStartError(ProcdError):
    """procd did not come up."""


def procd_argv(run_dir: Path, *, ready_fd: int | None = None) -> list[str]:
    """Return the command that serves ``run_dir``, without site packages: it needs none."""
    source = Path(__file__).resolve().parents[2]
    argv = [sys.executable, "-I", "-S", "-c", _SERVER.format(src=str(source))]
    argv += ["--run-dir", str(run_dir)]
    if ready_fd is not None:
        argv += ["--ready-fd", str(ready_fd)]
    return argv


def ping(run_dir: Path, *, timeout_seconds: float = 5.0) -> int | None:
    """Return the pid of the procd that serves ``run_dir``, or None."""
    try:
        return int(request(run_dir, "hello", timeout_seconds=timeout_seconds)["pid"])
    except ProcdConnectionError:
        return None


def start(run_dir: Path, *, timeout_seconds: float = 10.0) -> int:
    """Start procd in the background and return its pid once it serves.

    It gets its own session and writes what it has to say to ``procd.log``.

    Raises:
        ProcdStartError: Another one serves this directory, or it failed.
    """
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    read, write = os.pipe()
    with os.fdopen(read, "rb") as ready, (run_dir / "procd.log").open("ab") as log:
        try:
            process = subprocess.Popen(
                procd_argv(run_dir, ready_fd=write),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[write],
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(write)
        if ready.readline() == b"ready\n":
            # It outlives this process on purpose; nobody here waits for it.
            process.returncode = 0
            return process.pid
    code = process.wait(timeout=timeout_seconds)
    tail = (run_dir / "procd.log").read_text(errors="replace").strip().splitlines()[-1:]
    raise ProcdStartError(f"procd of {str(run_dir)!r} ended with {code}: {' '.join(tail)}")


def stop(
    run_dir: Path, *, grace_seconds: float | None = None, timeout_seconds: float = 120.0
) -> bool:
    """Stop every process and procd itself; return whether there was one."""
    try:
        request(run_dir, "shutdown", timeout_seconds=timeout_seconds, grace_s=grace_seconds)
    except ProcdConnectionError:
        return False
    return True


def request(run_dir: Path, op: str, *, timeout_seconds: float = 5.0, **arguments: Any) -> Any:
    """Send one request and return the answer; for ``shutdown``, wait until procd has gone."""
    with connect_socket(run_dir) as sock:
        sock.settimeout(timeout_seconds)
        sock.sendall(encode({"id": 1, "op": op, **arguments}))
        answer: Any = None
        decoder = Decoder()
        try:
            while data := sock.recv(65536):
                for message, _ in decoder.feed(data, []):
                    if "error" in message:
                        raise to_error(message["error"])
                    answer = message["ok"]
                if answer is not None and op != "shutdown":
                    return answer
        except TimeoutError as error:
            raise ProcdError(f"procd of {str(run_dir)!r} did not answer {op!r} in time") from error
        except (OSError, ConnectionError):
            if op != "shutdown":
                raise
        if answer is None and op != "shutdown":
            raise ProcdConnectionError(f"procd of {str(run_dir)!r}: connection lost")
        return answer
