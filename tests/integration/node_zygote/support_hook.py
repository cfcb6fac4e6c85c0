"""Real interpreters with the hook, as instances have them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wakeful.node.zygote import hook
from wakeful.node.zygote.channel import Notes
from wakeful.node.zygote.messages import Message, parse_message
from wakeful.node.zygote.recording import Recipe, parse_recording

PLACE = """
import fcntl, os, sys
end = sys.argv.index("--")
pairs = [[int(n) for n in word.split(":")] for word in sys.argv[1:end]]
lifted = [(fcntl.fcntl(fd, fcntl.F_DUPFD, 50), number) for fd, number in pairs]
for fd, number in lifted:
    os.dup2(fd, number)
    os.close(fd)
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


@dataclass
class Folder:
    """An application, and the hook as instances see it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, "main.py")

    def module(self, name: str, text: str) -> None:
        path = self.root / "app" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(
        self, order: str, fds: dict[int, int], args: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Run the program with the hook and these descriptors."""

        env = {"PATH": os.environ["PATH"], hook.VARIABLE: order, **self.env}
        env["PYTHONPATH"] = os.pathsep.join(
            p for p in (str(self.root / "hook"), self.env.get("PYTHONPATH")) if p
        )
        words = [f"{fd}:{number}" for number, fd in fds.items()]
        return subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                PLACE,
                *words,
                "--",
                *self.command,
                *args,
            ],
            cwd=self.root / "app",
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=list(fds.values()),
        )

    def record(self, *args: str) -> tuple[Recipe | None, str]:
        """Run it once, noting; return the recipe and what it printed."""
        notes = Notes.make()
        inode = os.fstat(notes.fd).st_ino
        process = self.start(f"record:{inode}", {hook.CHANNEL_FD: notes.fd}, args)
        out, err = process.communicate(timeout=30)
        assert not err, err
        recipe = parse_recording(notes.read())
        notes.close()
        return recipe, out

    @contextmanager
    def recorded(
        self,
    ) -> Iterator[tuple[subprocess.Popen[str], Callable[[], Recipe | None]]]:
        """Run it, noting, for as long as the context lasts; what was noted is read by a call."""
        notes = Notes.make()
        inode = os.fstat(notes.fd).st_ino
        try:
            process = self.start(f"record:{inode}", {hook.CHANNEL_FD: notes.fd})
            yield process, lambda: parse_recording(notes.read())
        finally:
            notes.close()


@dataclass
class Parked:
    """A process that waits, and our end of its socket."""

    process: subprocess.Popen[str]
    sock: socket.socket
    pending: bytes = b""

    def hear(self) -> Message | None:
        """The next message; None when it has begun."""
        while b"\n" not in self.pending:
            chunk = self.sock.recv(4096)
            if not chunk:
                return None
            self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        return parse_message(line)

    def release(self) -> None:
        """Say the word."""
        self.sock.send(b"go\n")
        self.sock.shutdown(socket.SHUT_WR)

    def go(self) -> str:
        """Say the word; return what the program printed."""
        self.release()
        out, err = self.process.communicate(timeout=30)
        assert not err, err
        return out

    def end(self) -> None:
        """Clean up, however far it came."""
        self.sock.close()
        self.process.kill()
        self.process.communicate()


def park_in(folder: Folder, recipe: Recipe, args: Sequence[str]) -> Parked:
    ours, theirs = socket.socketpair()
    plan = os.memfd_create("plan")
    os.write(plan, recipe.plan().encode())
    with theirs:
        order = f"park:{os.fstat(theirs.fileno()).st_ino}:0"
        fds = {hook.PLAN_FD: plan, hook.CHANNEL_FD: theirs.fileno()}
        process = folder.start(order, fds, args)
    os.close(plan)
    ours.settimeout(30)
    return Parked(process, ours)
