"""``explain``: why a service has the scale it has, in words."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.text import Text

from wakeful.apimachinery.errors import NotFoundError
from wakeful.autoscaler.explain import EXPLAIN_PREFIX
from wakeful.cli.naming import one_object
from wakeful.cli.options import DataDirOption, NamespaceOption, check_output
from wakeful.cli.output import console, fail, print_data, print_table, show_errors
from wakeful.cli.session import Session, connect
from wakeful.cli.troubles import read_findings

_OF_REVISIONS = {f"serving.knative.dev/{kind}" for kind in ("Service", "Configuration", "Route")}


@show_errors
def explain(
    what: Annotated[list[str], typer.Argument(help="ksvc NAME, revision NAME or hpa NAME.")],
    namespace: NamespaceOption = "default",
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
    data_dir: DataDirOption = None,
) -> None:
    """Tell why a service is at the scale it is at, and what decided it."""
    check_output(output, "text", "json")
    asyncio.run(_explain(data_dir, what, namespace, output))


async def _explain(data_dir: Path | None, what: list[str], namespace: str, output: str) -> None:
    kind, name = one_object(what, "ksvc")
    async with connect(data_dir) as session:
        resource = await session.resolve("ksvc" if kind == "service" else kind)
        data = await session.read(resource, namespace, name)
        revisions = _revisions(data)
        if not revisions:
            group = data["apiVersion"].partition("/")[0]
            if f"{group}/{resource.kind}" not in _OF_REVISIONS:
                fail(f"{kind!r} has no scale; name a ksvc, a revision or an hpa")
            fail(
                f"{resource.kind} {name!r} has no revision yet",
                hint=f"`wakeful describe {kind} {name}` shows what it waits for.",
            )
        reports = [await read_report(session, namespace, revision) for revision in revisions]
        for revision, report in zip(revisions, reports, strict=True):
            findings = await read_findings(session, namespace, revision)
            report["troubles"], report["stages"] = findings.troubles, findings.stages
        if output == "json":
            print_data(reports, "json")
            return
        for revision, report in zip(revisions, reports, strict=True):
            _print(revision, report)


async def read_report(session: Session, namespace: str, revision: str) -> dict[str, Any]:
    """Read why one revision has its scale; says so when nobody has decided about it."""
    path = f"{EXPLAIN_PREFIX}/{namespace}/{revision}"
    try:
        return await session.transport.raw("GET", path)
    except NotFoundError:
        return {
            "summary": "Nothing was decided yet, or it is scaled by others.",
            "ready": 0,
            "reasons": [],
            "history": [],
        }


def _revisions(data: dict[str, Any]) -> list[str]:
    if data["kind"] in ("Revision", "PodAutoscaler", "HorizontalPodAutoscaler"):
        return [data["metadata"]["name"]]
    status = data.get("status") or {}
    names = [t["revisionName"] for t in status.get("traffic") or () if t.get("revisionName")]
    if latest := status.get("latestCreatedRevisionName"):
        names.append(latest)
    return list(dict.fromkeys(names))


def _print(revision: str, report: dict[str, Any]) -> None:
    body = Text.assemble((report["summary"], "bold"))
    for trouble in report.get("troubles") or ():
        body += Text(f"\n! {trouble}", style="yellow")
    for stage in report.get("stages") or ():
        body += Text(f"\n… {stage}")
    for reason in report.get("reasons") or ():
        body += Text(f"\n- {reason}")
    ready = report["ready"]
    title = f"revision {revision}: {ready} instance{'' if ready == 1 else 's'} ready"
    console.print(Panel(body, title=title, title_align="left", expand=False), soft_wrap=False)
    if history := report.get("history"):
        print_table(
            ["Time", "Mode", "Stable", "Panic", "Ready", "Desired"],
            [
                [h["time"], h["mode"], h["stable"], h["panic"], h["ready"], h["desired"]]
                for h in history[-10:]
            ],
        )
