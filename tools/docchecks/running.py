"""Does what pages say, and compares what comes of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from docchecks.pages import ROOT, Block, Page

COMMAND_SECONDS = 300


_VARYING = re.compile(
    r"(?P<any>…)|(?P<space>\s+)|(?P<rule>─+)"
    r"|(?P<pod>(?<=-deployment-)[a-z0-9]{6,10}(-[a-z0-9]{5})?)"
    r"|(?P<hex>\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b)"
    r"|(?P<age>\b(\d+[dhms])+\b)|(?P<time>\d+(\.\d+)? (ms|s)\b)|(?P<number>\d+(\.\d+)?)"
)
_PATTERNS = {
    "any": r".*",
    "space": r"\s+",
    "rule": r"─+",
    "pod": r"[a-z0-9]+(-[a-z0-9]+)?",
    "hex": r"[0-9a-f]+",
    "age": r"(\d+[dhms])+",
    "time": r"\d+(\.\d+)? (ms|s)",
    "number": r"\d+(\.\d+)?",
}


def matches(expected: str, actual: str) -> bool:
    """Whether a line of output is as the page says, numbers aside."""
    out, end = "", 0
    for found in _VARYING.finditer(expected.rstrip()):
        out += re.escape(expected[end : found.start()]) + _PATTERNS[str(found.lastgroup)]
        end = found.end()
    return re.fullmatch(out + re.escape(expected.rstrip()[end:]), actual.rstrip()) is not None


def missing_line(expected: Sequence[str], actual: Sequence[str]) -> str | None:
    """The first expected line that does not follow in the output."""
    rest = iter(actual)
    for line in expected:
        if line.strip() in ("", "…"):
            continue
        if not any(matches(line, candidate) for candidate in rest):
            return line
    return None


class Shell:
    """One bash in a directory and a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        home, tools = directory / "home", directory / "tools"
        self.work = directory / "work"
        for path in (home, tools, self.work):
            path.mkdir()
        (self.work / "examples").symlink_to(ROOT / "examples")
        wrapper = tools / "wakeful"
        wrapper.write_text(
            "#!/usr/bin/env bash\n"
            'case "$1" in up) set -- "$@" --api-port 0 --http-port 0 --https-port 0;; esac\n'
            f'exec {shlex.quote(sys.executable)} -m wakeful.cmd.main "$@"\n'
        )
        wrapper.chmod(0o755)
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"HOME": str(home), "PATH": path, "COLUMNS": "80", "LANG": "C.UTF-8"}
        env |= {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "TMPDIR")}
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.work,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[int, list[str]]:
        """Run one command; return its exit code and what it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = f"__done_{time.monotonic_ns()}__"
        text = command.replace(":8080", f":{self._http_port()}")
        self._process.stdin.write(f"{text}\necho; echo {mark} $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        watchdog = threading.Timer(COMMAND_SECONDS, self._process.kill)
        watchdog.start()
        try:
            for line in self._process.stdout:
                if line.startswith(mark):
                    return int(line.split()[1]), lines
                lines.append(line.rstrip("\n"))
        finally:
            watchdog.cancel()
        raise SystemExit(f"the shell ended, or took {COMMAND_SECONDS} s, during {command!r}")

    def _http_port(self) -> str:
        try:
            written = self.directory / "home/.wakeful/run/addresses.json"
            return str(json.loads(written.read_text())["http_port"])
        except (OSError, ValueError, KeyError):
            return "8080"

    def close(self) -> None:
        """Take the platform down, whatever happened."""
        self.type("wakeful down")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def run_pages(pages: Sequence[Page]) -> Iterator[tuple[Page, str]]:
    """Do what each page says, and compare; yield what is wrong, "" for a page that is right."""
    alone = [page for page in pages if page.mode != "platform"]
    sharing = [page for page in pages if page.mode == "platform"]
    for group in (*([page] for page in alone), sharing):
        if not group:
            continue
        with tempfile.TemporaryDirectory(prefix="wk-docs-", dir="/tmp") as directory:
            shell = Shell(Path(directory))
            try:
                if group is sharing and shell.type("wakeful up --detach")[0]:
                    yield sharing[0], "the platform does not start"
                    continue
                for page in group:
                    yield page, _run_page(shell, page)
            finally:
                shell.close()


def _run_page(shell: Shell, page: Page) -> str:
    for block in page.blocks:
        if block.file:
            (shell.work / block.file).parent.mkdir(parents=True, exist_ok=True)
            (shell.work / block.file).write_text(block.text)
        elif (
            block.language == "console"
            and not block.skipped
            and (problem := _run_block(shell, block))
        ):
            return problem
    return ""


def _run_block(shell: Shell, block: Block) -> str:
    chunks = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for chunk in chunks:
        lines = chunk.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1
        command, expected = "\n".join(lines[:end]), lines[end:]
        code, actual = shell.type(command)
        if code and not any(line.startswith(("error:", "Error")) for line in expected):
            return f"line {block.line}: `{command}` exits with {code}:\n" + "\n".join(actual)
        if (line := missing_line(expected, actual)) is not None:
            return f"line {block.line}: `{command}` does not write\n  {line}\nbut\n" + "\n".join(
                f"  {text}" for text in actual
            )
    return ""
