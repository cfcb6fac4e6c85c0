"""The descriptors that a child starts with, and the ends of them that stay here."""

from __future__ import annotations

import os

from wakeful.procd.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wakeful.procd.mounts import Stage
    from wakeful.procd.process import Process


class Descriptors:
    """What one start of ``process`` hands to its child, as its spec asks.

    ``given`` maps the child's numbers to ours. Whoever makes this calls ``release`` once the child
    has its own copies, and in the end either ``capture`` or ``close``.
    """

    def __init__(self, process: Process, stage: Stage, null: int) -> None:
        self._process, self._stage, self._null = process, stage, null
        self.given = dict(process.extra_fds)
        self._temporary: list[int] = []
        self._captured: list[tuple[int, str]] = []
        try:
            self._open()
        except BaseException:
            self.release()
            self.close()
            raise

    def release(self) -> None:
        """Close what only the child needs."""
        for fd in self._temporary:
            os.close(fd)
        self._temporary = []

    def capture(self) -> None:
        """Have the process' output read into its log."""
        captured, self._captured = self._captured, []
        for fd, stream in captured:
            self._process.capture(fd, stream)

    def close(self) -> None:
        """Give up its output: there is no child."""
        for fd, _ in self._captured:
            os.close(fd)
        self._captured = []

    def _open(self) -> None:
        spec = self._process.spec
        for number, source in spec.fds.items():
            if "data" in source:
                self.given[int(number)] = self._file_of(source["data"])
            elif "idmap" in source:
                namespace = self._stage.userns(source["idmap"], source.get("owner"))
                self.given[int(number)] = namespace
        if spec.terminal and 0 not in self.given:
            master, slave = os.openpty()
            self._temporary.append(slave)
            self._captured.append((master, "stdout"))
            self.given.update({0: slave, 1: slave, 2: slave})
        if 0 not in self.given:
            self.given[0] = self._stdin()
        for output, kind, stream in ((1, spec.stdout, "stdout"), (2, spec.stderr, "stderr")):
            if output not in self.given:
                self.given[output] = self._output(output, kind, stream)

    def _file_of(self, text: str) -> int:
        fd = os.memfd_create("data", os.MFD_CLOEXEC)
        self._temporary.append(fd)
        os.write(fd, text.encode("utf-8", "surrogateescape"))
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def _stdin(self) -> int:
        if self._process.spec.stdin != "pipe":
            return self._null
        read, self._process.stdin_fd = os.pipe()
        self._temporary.append(read)
        return read

    def _output(self, number: int, kind: str, stream: str) -> int:
        if kind == "log" and self._process.spec.log_path:
            read, write = os.pipe()
            self._temporary.append(write)
            self._captured.append((read, stream))
            return write
        if kind == "stdout" and number == 2:
            return self.given[1]
        if kind == "inherit":
            return number
        if kind in ("null", "log"):
            return self._null
        raise SpecError(f"{stream} {kind!r} is none of log, null, inherit, stdout")
