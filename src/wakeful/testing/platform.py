"""A running platform met as its user meets it: through programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
BOOK_IMAGE = "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8"
WAKEFUL = [sys.executable, "-m", "wakeful.cmd.main"]


@dataclass(frozen=True)
class Answer:
    """What a program did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Platform:
    """A running platform and the programs that talk to it."""

    data_dir: Path
    addresses: dict[str, str]

    def wakeful(self, *args: str, check: bool = True, timeout: float = 120) -> Answer:
        """Run a ``wakeful`` command on this platform."""
        return run(
            [*WAKEFUL, *args, "--data-dir", str(self.data_dir)], check=check, timeout=timeout
        )

    def kubectl(
        self, *args: str, check: bool = True, stdin: str | None = None, timeout: float = 120
    ) -> Answer:
        """Run kubectl as the administrator."""
        command = ["kubectl", "--kubeconfig", str(self.data_dir / "kubeconfig"), *args]
        env = os.environ | {"HOME": str(self.data_dir), "KUBECACHEDIR": str(self.data_dir / "kc")}
        return run(command, check=check, stdin=stdin, env=env, timeout=timeout)

    def get(self, *args: str) -> Any:
        """Read with ``kubectl get -o json``."""
        return json.loads(self.kubectl("get", *args, "-o", "json").out)

    def configure(
        self, name: str, values: Mapping[str, str | None], *, check: bool = True
    ) -> Answer:
        """Set keys of a config map of Serving, or with None remove them."""
        patch = ("--type=merge", "-p", json.dumps({"data": values}))
        return self.kubectl(
            "patch", "configmap", name, "-n", "knative-serving", *patch, check=check
        )

    @contextmanager
    def configured(self, name: str, values: Mapping[str, str | None]) -> Iterator[None]:
        """Have a config map of Serving say so for a while; then it says what it did before."""
        before = self.get("configmap", name, "-n", "knative-serving").get("data", {})
        self.configure(name, values)
        try:
            yield
        finally:
            self.configure(name, {key: before.get(key) for key in values})

    def curl(self, host: str, path: str = "/", *args: str, timeout: float = 60) -> Answer:
        """Send one request through the gateway; the last line of ``out`` is the status code."""
        url = self.addresses["http"] + path
        return run(
            ["curl", "-sS", "-w", "\n%{http_code}", "-H", f"Host: {host}", *args, url],
            check=False,
            timeout=timeout,
        )


def run(
    command: Sequence[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
    timeout: float = 120,
) -> Answer:
    """Run a program to its end; by default it must succeed."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=env, timeout=timeout, check=False
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert not check or done.returncode == 0, f"{list(command)} ended with {answer}"
    return answer


def until(check: Callable[[], Any], *, seconds: float = 90, what: str = "") -> Any:
    """Return the first true result; the condition lives in other processes, so it is polled."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or check}"
        time.sleep(0.1)
