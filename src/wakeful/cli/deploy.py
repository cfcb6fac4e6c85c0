"""``deploy``: from a source directory to a URL in one command."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from wakeful.apimachinery.names import dns_1035_label_faults
from wakeful.cli.build import build_with_progress
from wakeful.cli.options import DataDirOption, NamespaceOption, TimeoutOption, read_seconds
from wakeful.cli.output import console, errors, fail, show_errors
from wakeful.cli.session import ServedResource, Session, connect
from wakeful.cli.troubles import read_findings
from wakeful.cli.waiting import wait_until
from wakeful.config import default_data_dir

_NAME_HINT = "Choose one with --name."
_PATIENCE_SECONDS = 2.0
"""How often a program that does not become ready is looked at."""


@show_errors
def deploy(
    source: Annotated[
        Path, typer.Argument(help="Directory with the source.", exists=True, file_okay=False)
    ],
    name: Annotated[str, typer.Option(help="Name of the service.")] = "",
    env: Annotated[list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE.")] = None,
    timeout: TimeoutOption = "2m",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Build a directory and run it as a service; print its URL."""
    chosen = name or re.sub(r"[^a-z0-9-]+", "-", source.resolve().name.lower()).strip("-")
    if faults := dns_1035_label_faults(chosen):
        fail(f"{chosen!r} cannot be a service's name: {'; '.join(faults)}", hint=_NAME_HINT)
    variables = []
    for item in env or ():
        key, equals, value = item.partition("=")
        if not equals:
            fail(f"--env {item!r}: write NAME=VALUE")
        variables.append({"name": key, "value": value})
    seconds = read_seconds("--timeout", timeout)
    asyncio.run(_deploy(data_dir, source, chosen, variables, namespace, seconds))


async def _deploy(
    data_dir: Path | None,
    source: Path,
    name: str,
    env: list[dict[str, str]],
    namespace: str,
    timeout: float,
) -> None:
    image = f"dev.local/{namespace}/{name}"
    async with connect(data_dir) as session:
        resource = await session.resolve("ksvc")  # before building for a platform that is not up
        built = await build_with_progress(source, image, data_dir or default_data_dir())
        begun = time.monotonic()
        container: dict[str, Any] = {"image": f"{image}@{built.digest}"}
        if env:
            container["env"] = env
        manifest = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }
        _, what = await session.apply(resource, namespace, manifest)
        console.print(f"service {name} {what}")
        url = await follow_rollout(session, resource, namespace, name, timeout)
    console.print(
        Text.assemble(
            ("Ready", "bold green"), f" in {time.monotonic() - begun:.2f} s at ", (url, "bold cyan")
        )
    )


async def follow_rollout(
    session: Session, resource: ServedResource, namespace: str, name: str, timeout: float
) -> str:
    """Show how far a service is until it is ready; return its URL.

    What is decided is printed; what is waited for is shown only while it is waited for.
    """
    decided: dict[str, str] = {}
    last: dict[str, Any] = {}

    def test(obj: dict[str, Any] | None) -> bool:
        if obj is None:
            return False
        last.update(obj)
        status = obj.get("status") or {}
        if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
            return False
        for condition in in_order(status.get("conditions") or ()):
            kind, state = condition["type"], condition["status"]
            if state == "Unknown":
                waiting.update(Text(condition.get("message") or f"{kind} is not known yet"))
            elif decided.get(kind) != state and not (kind == "Ready" and state == "False"):
                _show(condition)
            decided[kind] = state
        return decided.get("Ready") in ("True", "False")

    hint = f"`wakeful describe ksvc {name}` and `wakeful logs ksvc/{name}` tell more."
    told: set[str] = set()

    async def tell_troubles() -> None:
        revision = (last.get("status") or {}).get("latestCreatedRevisionName", "")
        for trouble in (await read_findings(session, namespace, revision)).troubles:
            if trouble not in told:
                errors.print(Text(f"  ! {trouble}", style="yellow"))
                told.add(trouble)

    async def keep_telling() -> None:
        while True:
            await asyncio.sleep(_PATIENCE_SECONDS)
            await tell_troubles()

    with console.status("waiting for the first word") as waiting:
        telling = asyncio.create_task(keep_telling(), name="deploy:troubles")
        try:
            await wait_until(session, resource, namespace, name, test, timeout)
        except TimeoutError:
            await tell_troubles()
            fail(f"service {name!r} is not ready after {timeout:g} s", hint=hint)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
    if decided["Ready"] == "False":
        failed = next(c for c in in_order(last["status"]["conditions"]) if c["status"] == "False")
        fail(f"service {name!r} failed: {failed.get('message') or failed.get('reason')}", hint=hint)
    return str(last["status"].get("url", ""))


def in_order(conditions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Ready is made of first, for that is where the reason is told."""
    return sorted(conditions, key=lambda condition: condition["type"] == "Ready")


def _show(condition: dict[str, Any]) -> None:
    mark = ("✓", "green") if condition["status"] == "True" else ("✗", "red")
    detail = condition.get("message") or condition.get("reason") or ""
    kind = f"{condition['type']:<22}" if detail else condition["type"]
    console.print(Text.assemble((f"  {mark[0]} ", mark[1]), kind, (detail, "dim")))
