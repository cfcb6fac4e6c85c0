"""A platform to measure: started for the purpose, or one that runs already."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from wakeful.client import load_kubeconfig

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "hello-python"
IMAGE = "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8"
APPS = Path(__file__).resolve().parents[1] / "apps"
WAKEFUL = [sys.executable, "-m", "wakeful.cmd.main"]
SERVICES = "/apis/serving.knative.dev/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"


class FailedError(Exception):
    """A program or the platform did not do what a benchmark needs of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change seen by a watch, and when (``time.perf_counter``)."""

    type: str
    object: dict[str, Any]
    at: float


class Api:
    """The API over HTTPS, as any client outside sees it."""

    def __init__(self, session: aiohttp.ClientSession, server: str, tls: ssl.SSLContext) -> None:
        self._session, self._server, self._tls = session, server, tls

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path) -> AsyncIterator[Self]:
        """Connect with the credentials of a kubeconfig."""
        config = load_kubeconfig(kubeconfig)
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield cls(session, config.server, config.ssl_context() or ssl.create_default_context())

    async def call(
        self, method: str, path: str, body: Any = None, *, patch: str = "", ok: Iterable[int] = ()
    ) -> Any:
        """Send one request and return the answer's JSON.

        Raises:
            FailedError: The answer is neither 2xx nor in ``ok``.
        """
        headers = {"Content-Type": patch or "application/json"}
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, self._server + path, data=data, headers=headers, ssl=self._tls
        ) as response:
            text = await response.text()
            if response.status >= 300 and response.status not in ok:
                raise FailedError(f"{method} {path}: {response.status}: {text[:300]}")
            return json.loads(text) if text.startswith("{") else text

    async def get(self, path: str) -> Any:
        """Read an object or a list."""
        return await self.call("GET", path)

    async def merge(self, path: str, body: Any) -> Any:
        """Patch by merging."""
        return await self.call("PATCH", path, body, patch="application/merge-patch+json")

    async def watch(self, path: str, version: str = "") -> AsyncIterator[Event]:
        """Yield changes as they arrive, for as long as the caller listens."""
        query = {"watch": "true", "resourceVersion": version}
        async with self._session.get(self._server + path, params=query, ssl=self._tls) as response:
            async for line in response.content:
                at = time.perf_counter()
                data = json.loads(line)
                yield Event(data["type"], data["object"], at)


@dataclass(slots=True)
class Platform:
    """A running platform and its programs."""

    data_dir: Path
    address: tuple[str, int]
    """Of the gateway's HTTP listener."""
    api: Api
    kubeconfig: Path

    @property
    def api_port(self) -> int:
        """Port of the API."""
        return int(load_kubeconfig(self.kubeconfig).server.rpartition(":")[2])

    def wakeful(self, *args: str, check: bool = True) -> str:
        """Run a ``wakeful`` command."""
        return program([*WAKEFUL, *args, "--data-dir", str(self.data_dir)], check=check)

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *args]
        env = os.environ | {"KUBECACHEDIR": str(self.data_dir / "kubectl-cache")}
        return program(command, stdin=stdin, env=env, check=check)

    def components(self) -> dict[str, int]:
        """Return the pid of every process of the platform itself, by name."""
        status = json.loads(self.wakeful("status", "-o", "json", check=False))
        return {c["name"]: c["pid"] for c in status["components"] if c["pid"]}

    async def configure_autoscaler(self, **values: str) -> None:
        """Set keys of ``config-autoscaler``."""
        path = "/api/v1/namespaces/knative-serving/configmaps/config-autoscaler"
        data = {key.replace("_", "-"): value for key, value in values.items()}
        await self.api.merge(path, {"data": data})

    async def apply(self, manifest: dict[str, Any]) -> None:
        """Create or replace a Knative Service through server-side apply."""
        name = manifest["metadata"]["name"]
        query = "?fieldManager=bench&force=true"
        await self.api.call(
            "PATCH", f"{SERVICES}/{name}{query}", manifest, patch="application/apply-patch+yaml"
        )

    async def delete(self, name: str) -> None:
        """Delete a Knative Service."""
        await self.api.call("DELETE", f"{SERVICES}/{name}", ok=(404,))

    async def until_ready(self, name: str, *, seconds: float = 60) -> None:
        """Return once a Knative Service is Ready."""
        await until(
            lambda: self._is_ready(name), seconds=seconds, what=f"service {name!r} is Ready"
        )

    async def _is_ready(self, name: str) -> bool:
        return is_true(await self.api.get(f"{SERVICES}/{name}"), "Ready")

    async def pods(self, service: str = "") -> list[dict[str, Any]]:
        """Return the Pods of one Knative Service, or of all."""
        selector = f"serving.knative.dev/service={service}" if service else ""
        found = await self.api.get(f"{PODS}?labelSelector={selector}")
        return list(found["items"])

    async def until_zero(self, service: str = "", *, seconds: float = 120) -> None:
        """Return once no Pod is left."""

        async def nobody() -> bool:
            return not await self.pods(service)

        await until(nobody, seconds=seconds, what=f"{service or 'everything'} is at zero")


def is_true(data: dict[str, Any], condition: str) -> bool:
    """Whether a condition holds, for the generation that was asked for."""
    status = data.get("status") or {}
    if status.get("observedGeneration", 0) < data["metadata"].get("generation", 0):
        return False
    conditions = status.get("conditions") or ()
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


async def until(
    check: Callable[[], Awaitable[bool]], *, seconds: float, what: str, every: float = 0.05
) -> None:
    """Wait for a condition in another process.

    Raises:
        FailedError: It did not come.
    """
    deadline = time.monotonic() + seconds
    while not await check():
        if time.monotonic() > deadline:
            raise FailedError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(every)


def program(
    command: list[str],
    *,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
    check: bool = True,
) -> str:
    """Run a program and return what it printed.

    Raises:
        FailedError: It ended with another code than 0.
    """
    done = subprocess.run(
        command, input=stdin, env=env, capture_output=True, text=True, check=False, timeout=600
    )
    if check and done.returncode != 0:
        raise FailedError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def need(*programs: str) -> None:
    """Make sure that programs are there; ``tools/need`` installs what is missing."""
    os.environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([ROOT / "tools" / "need", *programs], check=False)
    if done.returncode != 0:
        raise FailedError(f"needed: {', '.join(programs)}")


def hello(
    name: str, *, image: str = IMAGE, env: dict[str, str] | None = None, **annotations: str
) -> dict[str, Any]:
    """Return a Knative Service of the example, with annotations of its autoscaling."""
    prefix = "autoscaling.knative.dev/"
    marks = {prefix + key.replace("_", "-"): value for key, value in annotations.items()}
    container: dict[str, Any] = {"image": image, "ports": [{"containerPort": 8080}]}
    if env:
        container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "metadata": {"annotations": marks},
                "spec": {"containers": [container]},
            }
        },
    }


def book_service() -> dict[str, Any]:
    """Return the book's own Service."""
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / "service.yaml").read_text())
    return found


@asynccontextmanager
async def running(use: Path | None = None, *, build: bool = True) -> AsyncIterator[Platform]:
    """Start a platform and stop it at the end; or take the one of ``use`` and leave it running."""
    if use is not None:
        async with _attach(use) as platform:
            if build:
                platform.wakeful("build", str(EXAMPLE), "-t", IMAGE)
            yield platform
        return
    folder = Path(tempfile.mkdtemp(prefix="wakeful-bench-"))
    data_dir = folder / "data"
    ports = ["--api-port", "0", "--http-port", "0", "--https-port", "0"]
    try:
        program([*WAKEFUL, "up", "--detach", "--data-dir", str(data_dir), *ports])
        async with _attach(data_dir) as platform:
            if build:
                platform.wakeful("build", str(EXAMPLE), "-t", IMAGE)
            yield platform
    finally:
        program([*WAKEFUL, "down", "--data-dir", str(data_dir)], check=False)
        kept = os.environ.get("WAKEFUL_BENCH_LOGS")
        if kept:
            shutil.copytree(data_dir / "logs", kept, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _attach(data_dir: Path) -> AsyncIterator[Platform]:
    command = [*WAKEFUL, "status", "-o", "json", "--data-dir", str(data_dir)]
    status = json.loads(program(command, check=False))
    if not status["running"]:
        raise FailedError(f"no platform runs on {str(data_dir)!r}")
    host, _, port = status["addresses"]["http"].removeprefix("http://").rpartition(":")
    kubeconfig = data_dir / "kubeconfig"
    async with Api.connect(kubeconfig) as api:
        yield Platform(data_dir, (host, int(port)), api, kubeconfig)
