"""One running platform for all end-to-end tests of a process."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import typing_extensions

from wakeful.testing.platform import BOOK_IMAGE, EXAMPLES, WAKEFUL, Platform, run
from wakeful.testing.services import GRPC_IMAGE, PROBE_IMAGE, Namespace

APPS = Path(__file__).parent / "apps"
SOON = {"stable-window": "6s", "scale-to-zero-grace-period": "2s"}


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The platform on ports of the kernel's choice, with the book's image in its store.

    What is not used goes to zero within seconds. Tests that change the configuration put it back.
    WAKEFUL_E2E_DATA_DIR names one that runs already, which saves its start while writing tests.
    """
    if shutil.which("kubectl") is None:
        pytest.fail("kubectl is needed: tools/need kubectl")
    if running := os.environ.get("WAKEFUL_E2E_DATA_DIR"):
        status = run([*WAKEFUL, "status", "-o", "json", "--data-dir", running], check=False)
        yield Platform(Path(running), json.loads(status.out)["addresses"])
        return
    folder = Path(tempfile.mkdtemp(prefix="wakeful-e2e-"))
    data_dir = folder / "data"
    ports = ["--api-port", "0", "--http-port", "0", "--https-port", "0"]
    ports += ["--built-in-images", "always"]  # no registry is asked, whether one is in reach or not
    run([*WAKEFUL, "up", "--detach", "--data-dir", str(data_dir), *ports], timeout=120)
    try:
        status = run([*WAKEFUL, "status", "-o", "json", "--data-dir", str(data_dir)], check=False)
        platform = Platform(data_dir, json.loads(status.out)["addresses"])
        platform.configure("config-autoscaler", SOON)
        platform.wakeful("build", str(EXAMPLES / "hello-python"), "-t", BOOK_IMAGE)
        yield platform
    finally:
        run([*WAKEFUL, "down", "--data-dir", str(data_dir)], check=False, timeout=120)
        logs = os.environ.get("WAKEFUL_E2E_LOGS")
        if logs:
            shutil.copytree(data_dir / "logs", logs, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def unhurried(platform: Platform) -> Iterator[None]:
    """Nothing falls asleep that soon: what an instance has printed goes with it."""
    with platform.configured("config-autoscaler", dict.fromkeys(SOON)):
        yield


@pytest.fixture(scope="session")
def probe_image(platform: Platform) -> str:
    """The application that does what a test asks for."""
    platform.wakeful("build", str(APPS / "probe"), "-t", PROBE_IMAGE)
    return PROBE_IMAGE


@pytest.fixture(scope="session")
def grpc_image(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A gRPC server, with the library that the tests have, for the Python that they run on."""
    folder = tmp_path_factory.mktemp("apps") / "grpc"
    shutil.copytree(APPS / "grpc", folder)
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(grpc.__file__).parent, folder / "grpc", ignore=no_bytecode)
    shutil.copy(typing_extensions.__file__, folder)
    version = ".".join(map(str, sys.version_info[:2]))
    (folder / "pyproject.toml").write_text(f'[project]\nrequires-python = "=={version}.*"\n')
    platform.wakeful("build", str(folder), "-t", GRPC_IMAGE)
    return GRPC_IMAGE


@pytest.fixture(scope="module")
def namespace(
    platform: Platform, probe_image: str, request: pytest.FixtureRequest
) -> Iterator[Namespace]:
    """A namespace for the services of one module."""
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    platform.kubectl("create", "namespace", name)
    try:
        yield Namespace(platform, name)
    finally:
        platform.kubectl("delete", "namespace", name, "--wait=false")
