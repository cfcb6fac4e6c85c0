"""One running platform for all end-to-end tests."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wakeful.testing.platform import BOOK_IMAGE, EXAMPLES, WAKEFUL, Platform, run


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The platform on ports of the kernel's choice, with the book's image in its store."""
    if shutil.which("kubectl") is None:
        pytest.fail("kubectl is needed: tools/need kubectl")
    folder = Path(tempfile.mkdtemp(prefix="wakeful-e2e-"))
    data_dir = folder / "data"
    ports = ["--api-port", "0", "--http-port", "0", "--https-port", "0"]
    run([*WAKEFUL, "up", "--detach", "--data-dir", str(data_dir), *ports], timeout=120)
    try:
        status = run([*WAKEFUL, "status", "-o", "json", "--data-dir", str(data_dir)], check=False)
        platform = Platform(data_dir, json.loads(status.out)["addresses"])
        platform.wakeful("build", str(EXAMPLES / "hello-python"), "-t", BOOK_IMAGE)
        yield platform
    finally:
        run([*WAKEFUL, "down", "--data-dir", str(data_dir)], check=False, timeout=120)
        logs = os.environ.get("WAKEFUL_E2E_LOGS")
        if logs:
            shutil.copytree(data_dir / "logs", logs, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
