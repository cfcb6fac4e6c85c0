"""``logs``: what instances print, and what is logged about requests."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.text import Text

from wakeful.apimachinery.errors import APIStatusError, NotFoundError, error_from_status
from wakeful.cli.options import DataDirOption, NamespaceOption, read_seconds
from wakeful.cli.output import errors, fail, show_errors
from wakeful.cli.requestlog import show_requests
from wakeful.cli.session import Session, connect
from wakeful.procd.logreader import LogQuery

_SERVICE_LABEL = "serving.knative.dev/service"


@show_errors
def logs(
    target: Annotated[
        str, typer.Argument(help="POD, SERVICE, revision/NAME or deployment/NAME.")
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    container: Annotated[
        str, typer.Option("--container", "-c", help="Which container, if there are several.")
    ] = "",
    tail: Annotated[int, typer.Option(help="Lines from the end; -1 for all.")] = -1,
    since: Annotated[str, typer.Option(help="Only newer than this, such as 5m.")] = "",
    previous: Annotated[bool, typer.Option("--previous", "-p", help="The run before.")] = False,
    timestamps: Annotated[bool, typer.Option(help="Begin each line with its time.")] = False,
    selector: Annotated[str, typer.Option("--selector", "-l", help="Pods by label.")] = "",
    requests: Annotated[
        bool,
        typer.Option(
            help="The request log of TARGET, or of the namespace; see config-observability."
        ),
    ] = False,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Show what instances print, or with --requests what was asked of them."""
    if requests:
        if container or previous or selector:
            fail("--requests goes with neither --container nor --previous nor --selector")
        query = LogQuery(
            follow=follow,
            tail_lines=tail if tail >= 0 else None,
            since=datetime.now(UTC) - timedelta(seconds=read_seconds("--since", since))
            if since
            else None,
            timestamps=timestamps,
        )
        asyncio.run(show_requests(data_dir, namespace, target, query))
        return
    if not target and not selector:
        fail("name a pod, or ksvc/NAME, or give -l SELECTOR")
    params: dict[str, str] = {}
    if follow:
        params["follow"] = "true"
    if container:
        params["container"] = container
    if tail >= 0:
        params["tailLines"] = str(tail)
    if since:
        params["sinceSeconds"] = str(max(1, int(read_seconds("--since", since))))
    if previous:
        params["previous"] = "true"
    if timestamps:
        params["timestamps"] = "true"
    asyncio.run(_logs(data_dir, namespace, target, selector, params))


async def _logs(
    data_dir: Path | None, namespace: str, target: str, selector: str, params: dict[str, str]
) -> None:
    async with connect(data_dir) as session:
        pods = await _pods(session, namespace, target, selector)
        if not pods:
            fail(
                f"no instance of {target or selector} is running",
                hint="A sleeping service has no instances; send it a request. Why one has none"
                " although it is asked, `wakeful explain NAME` tells.",
            )
        if len(pods) == 1:
            await _stream(session, namespace, pods[0], params)
            return
        async with asyncio.TaskGroup() as group:
            streams = [
                group.create_task(_try_stream(session, namespace, pod, params)) for pod in pods
            ]
        if not any(stream.result() for stream in streams):
            raise typer.Exit(1)


async def _pods(session: Session, namespace: str, target: str, selector: str) -> list[str]:
    kind, slash, name = target.partition("/")
    if not slash:
        kind, name = "" if selector else await _kind_of(session, namespace, target), target
    if kind:
        resource = await session.resolve(kind)
        if resource.kind == "Pod":
            return [name]
        data = await session.read(resource, namespace, name)
        selector = _selector_of(data)
    pods = await session.resolve("pods")
    listed = await session.read(pods, namespace, params={"labelSelector": selector})
    return [item["metadata"]["name"] for item in listed.get("items") or ()]


async def _kind_of(session: Session, namespace: str, name: str) -> str:
    """What a bare name means: a pod, or a service if there is no such pod."""
    for kind in ("pods", "ksvc"):
        with suppress(NotFoundError):
            await session.read(await session.resolve(kind), namespace, name)
            return kind
    return fail(
        f"there is neither a pod nor a service {name!r} in namespace {namespace!r}",
        hint="`wakeful get ksvc,pods` shows what is there.",
    )


def _selector_of(data: dict[str, Any]) -> str:
    if data.get("apiVersion", "").startswith("serving.knative.dev/"):
        label = {"Revision": "serving.knative.dev/revision"}.get(data["kind"], _SERVICE_LABEL)
        return f"{label}={data['metadata']['name']}"
    labels = ((data.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if not labels:
        fail(f"{data['kind']} {data['metadata']['name']!r} selects no pods")
    return ",".join(f"{k}={v}" for k, v in labels.items())


async def _try_stream(session: Session, namespace: str, pod: str, params: dict[str, str]) -> bool:
    """One of several: what one cannot show must not hide what the others do."""
    try:
        await _stream(session, namespace, pod, params, prefix=f"[{pod}] ")
    except APIStatusError as err:
        errors.print(Text(f"[{pod}] {err.message}", style="dim"))
        return False
    return True


async def _stream(
    session: Session, namespace: str, pod: str, params: dict[str, str], *, prefix: str = ""
) -> None:
    transport = session.transport
    url = transport.url(f"/api/v1/namespaces/{namespace}/pods/{pod}/log")
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with transport.session.get(url, params=params, timeout=timeout) as response:
        if response.status >= 400:
            raise await _error(response)
        async for line in response.content:
            sys.stdout.write(prefix + line.decode(errors="replace"))
            sys.stdout.flush()


async def _error(response: aiohttp.ClientResponse) -> APIStatusError:
    try:
        status = await response.json(content_type=None)
    except ValueError:
        status = {"message": f"HTTP {response.status}"}
    return error_from_status(status, response.status)
