"""``wakeful demo``: the hello world from apply to an answer, to five instances, to zero, awake."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.panel import Panel
from rich.text import Text

from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.request import PatchType, Verb
from wakeful.cli.build import build_with_progress
from wakeful.cli.deploy import follow_rollout
from wakeful.cli.explain import read_report
from wakeful.cli.files import read_manifests
from wakeful.cli.output import console
from wakeful.cli.session import ServedResource, Session, connect
from wakeful.cmd.addresses import Addresses
from wakeful.cmd.up import start, stop
from wakeful.config import Settings
from wakeful.loopback import is_free

NAMESPACE, SERVICE = "default", "helloworld-go"
SLOW = "/?sleep=100"
"""A request that takes a tenth of a second, so that fifty clients are fifty at once."""
LOAD_SECONDS, CLIENTS, WANTED_INSTANCES = 8.0, 50, 5
# The book's platform falls asleep after 60 s without load and 30 s of grace. A demonstration uses
# the same two knobs to be quicker.
DEMO_AUTOSCALER = {"stable-window": "8s", "scale-to-zero-grace-period": "2s"}


Ask = Callable[..., Awaitable[tuple[int, str]]]


class DemoFailedError(WakefulError):
    """The platform did not do what the demonstration shows."""


@dataclass(slots=True)
class LoadReport:
    """What clients saw during a load."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: int = 0
    most_instances: int = 0
    seconds_to_wanted: float | None = None

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return self.errors + sum(n for status, n in self.statuses.items() if status != 200)


async def run_demo(data_dir: Path | None, *, keep: bool | None) -> None:
    """Run the demonstration; afterwards the platform stays up or is removed.

    ``keep`` None asks on a terminal and cleans up elsewhere.

    Raises:
        DemoFailedError: A step did not show what it should.
    """
    root = data_dir or Path(tempfile.mkdtemp(prefix="wakeful-demo-"))
    settings = Settings(
        data_dir=root.expanduser().resolve(),
        api_port=6443 if is_free(6443) else 0,
        http_port=8080 if is_free(8080) else 0,
        https_port=8443 if is_free(8443) else 0,
    )
    stays = False
    _headline("Start the platform", "one process tree, no Kubernetes, no Docker")
    begun = time.monotonic()
    addresses = await start(settings, lambda _text: None)
    _said("up", time.monotonic() - begun)
    try:
        await _show(settings, addresses)
        stays = keep if keep is not None else _ask()
    finally:
        if not stays:
            await stop(settings.data_dir, lambda _text: None)
            if data_dir is None:
                shutil.rmtree(settings.data_dir, ignore_errors=True)
    if stays:
        _explain_how_to_go_on(settings, addresses)
    else:
        console.print("\nStopped and cleaned up. `wakeful up` starts a platform that stays.")


async def _show(settings: Settings, addresses: Addresses) -> None:
    example = find_example("hello-python")
    manifests = read_manifests([str(example / "service.yaml")])
    image = manifests[0]["spec"]["template"]["spec"]["containers"][0]["image"]

    _headline("Build an image", "from source, into the local image store")
    begun = time.monotonic()
    await build_with_progress(example, image, settings.data_dir)
    _said(image, time.monotonic() - begun)

    async with connect(settings.data_dir) as session:
        service = await session.resolve("ksvc")
        await _hurry_to_zero(session)

        _headline("Apply the service", str(example / "service.yaml"))
        begun = time.monotonic()
        for manifest in manifests:
            await session.apply(await session.resolve_object(manifest), NAMESPACE, manifest)
        url = await follow_rollout(session, service, NAMESPACE, SERVICE, 60)
        _said(f"ready at {url}", time.monotonic() - begun)

        host = url.removeprefix("http://").partition(":")[0]
        async with _client(addresses, host) as ask:
            _headline("Ask it", f"curl {url}")
            await _answer(ask)
            await _burst(session, ask)
            await _until_zero(session)
            _headline("Wake it up", f"curl {url}")
            await _answer(ask, note="from zero: started, ready, routed, answered")
        await _why(session, service)


async def _answer(ask: Ask, note: str = "") -> None:
    begun = time.monotonic()
    status, text = await ask()
    seconds = time.monotonic() - begun
    if status != 200:
        raise DemoFailedError(f"the service answered {status}: {text[:200]}")
    _said(text.strip(), seconds)
    if note:
        console.print(f"  ({note})", style="dim")


async def _burst(session: Session, ask: Ask) -> None:
    _headline(
        "Fifty at once",
        f"{CLIENTS} clients for {LOAD_SECONDS:g} s, 100 ms a request; an instance is to take 10",
    )
    report = LoadReport()
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_load(ask, begun + LOAD_SECONDS, report))
        group.create_task(_count_instances(session, begun, begun + LOAD_SECONDS, report))
    total = sum(report.statuses.values()) + report.errors
    _said(f"{total} requests, {report.failed} failed", LOAD_SECONDS)
    if report.seconds_to_wanted is None:
        raise DemoFailedError(
            f"only {report.most_instances} instances were running; {WANTED_INSTANCES} were expected"
        )
    _said(f"{WANTED_INSTANCES} instances running after", report.seconds_to_wanted)
    console.print(f"  most at any time: {report.most_instances}", style="dim")
    if report.failed:
        raise DemoFailedError(f"{report.failed} of {total} requests failed: {report.statuses}")


async def _load(ask: Ask, until: float, report: LoadReport) -> None:
    while time.monotonic() < until:
        try:
            status, _ = await ask(SLOW)
            report.statuses[status] += 1
        except (aiohttp.ClientError, OSError):
            report.errors += 1


async def _count_instances(
    session: Session, begun: float, until: float, report: LoadReport
) -> None:
    while time.monotonic() < until:
        running = len(await _instances(session, ready_only=True))
        report.most_instances = max(report.most_instances, running)
        if running >= WANTED_INSTANCES and report.seconds_to_wanted is None:
            report.seconds_to_wanted = time.monotonic() - begun
        await asyncio.sleep(0.1)


async def _instances(session: Session, *, ready_only: bool = False) -> list[dict[str, Any]]:
    pods = await session.resolve("pods")
    selector = {"labelSelector": f"serving.knative.dev/service={SERVICE}"}
    items = (await session.read(pods, NAMESPACE, params=selector)).get("items") or []
    if not ready_only:
        return list(items)
    return [item for item in items if _is_ready(item)]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def _until_zero(session: Session) -> None:
    _headline("Leave it alone", "no requests: it falls asleep")
    begun = time.monotonic()
    with console.status("waiting until nobody asks any more") as spinner:
        while time.monotonic() - begun < 90:
            count = len(await _instances(session))
            if not count:
                _said("no instance left", time.monotonic() - begun)
                return
            spinner.update(f"{count} instances")
            await asyncio.sleep(0.25)
    raise DemoFailedError("the service did not scale to zero within 90 s")


async def _why(session: Session, service: ServedResource) -> None:
    _headline("Ask why", f"wakeful explain ksvc {SERVICE}")
    data = await session.read(service, NAMESPACE, SERVICE)
    revision = data["status"]["latestReadyRevisionName"]
    report = await read_report(session, NAMESPACE, revision)
    for line in (report["summary"], *report["reasons"]):
        console.print(Text("  " + line))


async def _hurry_to_zero(session: Session) -> None:
    config_maps = await session.resolve("configmaps")
    await session.transport.call(
        session.request(
            Verb.PATCH,
            config_maps,
            "knative-serving",
            "config-autoscaler",
            body={"data": DEMO_AUTOSCALER},
            patch_type=PatchType.MERGE,
        )
    )


@asynccontextmanager
async def _client(addresses: Addresses, host: str) -> AsyncIterator[Ask]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask(path: str = "/") -> tuple[int, str]:
            url = f"http://{addresses.host}:{addresses.http_port}{path}"
            async with session.get(url, headers={"Host": host}) as response:
                return response.status, await response.text()

        yield ask


def find_example(name: str) -> Path:
    """Directory of an example, in the installed package or beside the sources.

    Raises:
        DemoFailedError: It is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples" / name, package.parents[1] / "examples" / name):
        if folder.is_dir():
            return folder
    raise DemoFailedError(f"example {name!r} is not installed")


def _ask() -> bool:
    if not sys.stdin.isatty() or not console.is_terminal:
        return False
    return console.input("\nLeave it running? [y/N] ", markup=False).strip().lower().startswith("y")


def _headline(title: str, detail: str) -> None:
    console.print()
    console.print(Text.assemble((f"▸ {title}", "bold"), (f"  {detail}", "dim")))


def _said(text: str, seconds: float) -> None:
    took = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    console.print(Text.assemble(("  ✓ ", "green"), text, (f"  {took}", "bold cyan")))


def _explain_how_to_go_on(settings: Settings, addresses: Addresses) -> None:
    console.print(
        Panel(
            f"export KUBECONFIG={settings.layout.kubeconfig}\n"
            f"curl -H 'Host: {SERVICE}.{NAMESPACE}.localhost' {addresses.http}\n"
            f"wakeful down --data-dir {settings.data_dir}",
            title="It stays up",
            title_align="left",
            expand=False,
        ),
        soft_wrap=False,
    )
