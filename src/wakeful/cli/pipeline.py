"""``pipeline``: run pipelines and look at their runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from wakeful.apimachinery.request import PatchType, Verb
from wakeful.cli.options import AllNamespacesOption, DataDirOption, NamespaceOption
from wakeful.cli.output import console, fail, print_table, show_errors
from wakeful.cli.pipelinefollow import Follower, stream_log, write
from wakeful.cli.pipelinelaunch import Wish, launch
from wakeful.cli.pipelineruns import (
    RunView,
    age_of,
    condition_of,
    is_done,
    make_tree,
    span_of,
    status_text,
    succeeded,
    utc_now,
)
from wakeful.cli.session import Session, connect
from wakeful.config import default_data_dir

app = typer.Typer(help="Pipelines and their runs.", no_args_is_help=True)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name of the run.")]

_RUNS, _TASK_RUNS = "pipelineruns.tekton.dev", "taskruns.tekton.dev"


@app.command("run")
@show_errors
def run(
    name: Annotated[str, typer.Argument(help="Name of the pipeline.")] = "",
    file: Annotated[
        list[str] | None,
        typer.Option("--filename", "-f", help="Manifests to apply first; the pipeline in them."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE; repeatable.")
    ] = None,
    workspace: Annotated[
        list[str] | None,
        typer.Option(
            "--workspace",
            "-w",
            help="name=NAME,emptyDir= or claimName=, secret=, config=, with subPath=.",
        ),
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", "-r", help="NAME=PIPELINERESOURCE, for pipelines of 2019."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            help="A working tree to run on, as it is, committed or not.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    service_account: Annotated[
        str, typer.Option("--serviceaccount", "-s", help="Whom the steps act as.")
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Show the run until it has ended.")
    ] = True,
    logs: Annotated[
        bool, typer.Option("--logs/--no-logs", help="Show what the steps print.")
    ] = True,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Start a pipeline and follow it; exits with 1 when it fails."""
    if not name and not file:
        fail("name a pipeline, or give -f FILE")
    wish = Wish(
        name,
        list(file or ()),
        list(param or ()),
        list(workspace or ()),
        list(resource or ()),
        source,
        service_account,
    )
    ended = asyncio.run(_run(data_dir, namespace, wish, follow=follow, logs=logs))
    if ended is not None and not succeeded(ended):
        fail(str(condition_of(ended).get("message") or "the run failed"))


async def _run(
    data_dir: Path | None, namespace: str, wish: Wish, *, follow: bool, logs: bool
) -> Mapping[str, Any] | None:
    async with connect(data_dir) as session:
        name = await launch(session, namespace, wish, data_dir or default_data_dir())
        if not follow:
            console.print(f"pipelinerun {name} created")
            return None
        ended = await Follower(session, namespace, name, logs=logs).run()
    state = status_text(ended)
    style = "bold green" if succeeded(ended) else "bold red"
    span = span_of(ended.get("status") or {}, utc_now())
    console.print(Text.assemble((state, style), f" {name} in {span}"))
    for result in (ended.get("status") or {}).get("results") or ():
        console.print(Text(f"  {result['name']} = {result['value']}"), soft_wrap=True)
    return ended


@app.command("list")
@show_errors
def list_runs(
    pipeline: Annotated[str, typer.Argument(help="Only runs of this pipeline.")] = "",
    limit: Annotated[int, typer.Option(help="So many of the newest; 0 for all.")] = 20,
    namespace: NamespaceOption = "default",
    all_namespaces: AllNamespacesOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """List runs, the newest first."""

    async def read() -> list[dict[str, Any]]:
        async with connect(data_dir) as session:
            runs = await session.resolve(_RUNS)
            params = {"labelSelector": f"tekton.dev/pipeline={pipeline}"} if pipeline else {}
            listed = await session.read(runs, "" if all_namespaces else namespace, params=params)
        return list(listed.get("items") or ())

    found = asyncio.run(read())
    found.sort(key=lambda run: run["metadata"]["creationTimestamp"], reverse=True)
    if not found:
        console.print("No runs found")
        return
    now = utc_now()
    headers = ["name", "pipeline", "started", "duration", "status"]
    rows = [
        [
            run["metadata"]["name"],
            (run["metadata"].get("labels") or {}).get("tekton.dev/pipeline", ""),
            age_of(run, now),
            span_of(run.get("status") or {}, now),
            status_text(run),
        ]
        for run in (found[:limit] if limit else found)
    ]
    if all_namespaces:
        headers.insert(0, "namespace")
        for row, run in zip(rows, found, strict=False):
            row.insert(0, run["metadata"]["namespace"])
    print_table(headers, rows)


@app.command("describe")
@show_errors
def describe(
    name: RunArgument, namespace: NamespaceOption = "default", data_dir: DataDirOption = None
) -> None:
    """Show a run with its tasks, parameters and results."""

    async def read() -> RunView:
        async with connect(data_dir) as session:
            return await _read_view(session, namespace, name)

    view = asyncio.run(read())
    run, now = view.run, utc_now()
    console.print(make_tree(view, now))
    message = condition_of(run).get("message")
    if message:
        console.print(Text(f"  {message}", style="dim"), soft_wrap=True)
    spec, status = run.get("spec") or {}, run.get("status") or {}
    for title, items in (("Parameters", spec.get("params")), ("Results", status.get("results"))):
        if items:
            console.print(Text(f"\n{title}", style="bold"))
            for item in items:
                console.print(Text(f"  {item['name']} = {item['value']}"), soft_wrap=True)
    if spec.get("workspaces"):
        console.print(Text("\nWorkspaces", style="bold"))
        for item in spec["workspaces"]:
            kind = next((key for key in item if key not in ("name", "subPath")), "")
            console.print(Text(f"  {item['name']}: {kind}"))


async def _read_view(session: Session, namespace: str, name: str) -> RunView:
    runs, tasks = await session.resolve(_RUNS), await session.resolve(_TASK_RUNS)
    run = await session.read(runs, namespace, name)
    selector = {"labelSelector": f"tekton.dev/pipelineRun={name}"}
    listed = await session.read(tasks, namespace, params=selector)
    children = {item["metadata"]["name"]: item for item in listed.get("items") or ()}
    return RunView(run, children)


@app.command("logs")
@show_errors
def logs(
    name: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it has ended.")] = False,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Show what the steps of a run printed."""

    async def show() -> None:
        async with connect(data_dir) as session:
            view = await _read_view(session, namespace, name)
            if follow and not is_done(view.run):
                await Follower(session, namespace, name, logs=True).run()
                return
            for node in view.nodes(utc_now()):
                status = view.children.get(node.run_name, {}).get("status") or {}
                attempts = [*(status.get("retriesStatus") or ()), status]
                for attempt in attempts:
                    for step in attempt.get("steps") or ():
                        container = str(step.get("container", ""))
                        title = container.removeprefix("step-")
                        await stream_log(
                            session,
                            namespace,
                            str(attempt.get("podName", "")),
                            container,
                            f"[{node.name} : {title}] ",
                            follow=False,
                        )
                if node.detail and node.state == "Failed":
                    write(f"[{node.name}] {node.detail}")

    asyncio.run(show())


@app.command("cancel")
@show_errors
def cancel(
    name: RunArgument,
    grace: Annotated[
        str,
        typer.Option(help="CancelledRunFinally or StoppedRunFinally: final tasks still run."),
    ] = "",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """End a run."""

    async def end() -> None:
        async with connect(data_dir) as session:
            runs = await session.resolve(_RUNS)
            run = await session.read(runs, namespace, name)
            if is_done(run):
                fail(f"pipelinerun {name} has already finished execution")
            await session.transport.call(
                session.request(
                    Verb.PATCH,
                    runs,
                    namespace,
                    name,
                    body={"spec": {"status": grace or "Cancelled"}},
                    patch_type=PatchType.MERGE,
                )
            )

    asyncio.run(end())
    console.print(f"pipelinerun {name} cancelled")


@app.command("delete")
@show_errors
def delete(
    names: Annotated[list[str] | None, typer.Argument(metavar="RUN...")] = None,
    keep: Annotated[
        int, typer.Option(help="Delete all runs that have ended but so many of the newest.")
    ] = -1,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Delete runs, with their tasks, pods and logs."""
    if not names and keep < 0:
        fail("name a run, or give --keep N")

    async def remove() -> list[str]:
        async with connect(data_dir) as session:
            runs = await session.resolve(_RUNS)
            chosen = list(names or ())
            if keep >= 0:
                listed = await session.read(runs, namespace)
                ended = [run for run in listed.get("items") or () if is_done(run)]
                ended.sort(key=lambda run: run["metadata"]["creationTimestamp"], reverse=True)
                chosen += [run["metadata"]["name"] for run in ended[keep:]]
            for chosen_name in chosen:
                await session.transport.call(
                    session.request(Verb.DELETE, runs, namespace, chosen_name)
                )
        return chosen

    for name in asyncio.run(remove()):
        console.print(f"pipelinerun {name} deleted")
