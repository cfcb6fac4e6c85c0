"""``get``, ``apply``, ``delete`` and ``describe``: objects of any kind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.text import Text

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.request import Verb
from wakeful.cli.files import read_manifests
from wakeful.cli.naming import named_objects, split_target
from wakeful.cli.options import (
    AllNamespacesOption,
    DataDirOption,
    FileOption,
    NamespaceOption,
    OutputOption,
    check_output,
)
from wakeful.cli.output import console, fail, print_data, print_table, show_errors
from wakeful.cli.session import ServedResource, Session, connect
from wakeful.cli.waiting import wait_until

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EVENT_COLUMNS = ("last seen", "type", "reason", "message")

SelectorOption = Annotated[str, typer.Option("--selector", "-l", help="Label selector.")]


@show_errors
def get(
    what: Annotated[list[str], typer.Argument(help="KIND [NAME …] or KIND/NAME.")],
    namespace: NamespaceOption = "default",
    all_namespaces: AllNamespacesOption = False,
    output: OutputOption = "table",
    selector: SelectorOption = "",
    data_dir: DataDirOption = None,
) -> None:
    """Show objects."""
    check_output(output, "table", "wide", "name", "json", "yaml")
    scope = "" if all_namespaces else namespace
    asyncio.run(_get(data_dir, what, scope, output, selector))


async def _get(
    data_dir: Path | None, what: list[str], namespace: str, output: str, selector: str
) -> None:
    kind, names = split_target(what)
    params = {"labelSelector": selector} if selector else {}
    async with connect(data_dir) as session:
        resources = await session.resolve_all(kind)
        if output in ("json", "yaml", "name"):
            await _get_data(session, resources, namespace, names, params, output)
            return
        shown = 0
        for resource in resources:
            tables = [
                await session.table(resource, namespace, name, params) for name in names or [""]
            ]
            rows = [row for table in tables for row in table.get("rows") or ()]
            if not rows:
                continue
            if shown:
                console.print()
            shown += len(rows)
            prefix = f"{resource.display}/" if len(resources) > 1 else ""
            _print_rows(
                tables[0]["columnDefinitions"],
                rows,
                wide=output == "wide",
                with_namespace=not namespace and resource.namespaced,
                prefix=prefix,
            )
        if not shown:
            where = f" in {namespace} namespace" if namespace else ""
            console.print(f"No resources found{where}.")


def _print_rows(
    columns: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    *,
    wide: bool,
    with_namespace: bool,
    prefix: str,
) -> None:
    chosen = [i for i, c in enumerate(columns) if wide or not c.get("priority")]
    headers = [columns[i]["name"] for i in chosen]
    lines = []
    for row in rows:
        cells = [row["cells"][i] for i in chosen]
        cells[0] = prefix + str(cells[0])
        if with_namespace:
            cells.insert(0, row["object"]["metadata"].get("namespace", ""))
        lines.append(cells)
    print_table(["Namespace", *headers] if with_namespace else headers, lines)


async def _get_data(
    session: Session,
    resources: list[ServedResource],
    namespace: str,
    names: list[str],
    params: dict[str, str],
    output: str,
) -> None:
    items: list[dict[str, Any]] = []
    for resource in resources:
        for name in names or [""]:
            data = await session.read(resource, namespace, name, params)
            found = [data] if name else data.get("items") or []
            for item in found:
                item.setdefault("kind", resource.kind)
                item.setdefault(
                    "apiVersion",
                    f"{resource.group}/{resource.version}" if resource.group else resource.version,
                )
                if output == "name":
                    console.print(f"{resource.display}/{item['metadata']['name']}")
            items += found
    if output == "name":
        return
    for item in items:
        item["metadata"].pop("managedFields", None)
    single = len(names) == 1 and len(items) == 1
    print_data(items[0] if single else {"apiVersion": "v1", "kind": "List", "items": items}, output)


@show_errors
def apply(
    filename: FileOption,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Create or change objects from files."""
    asyncio.run(_apply(data_dir, filename, namespace))


async def _apply(data_dir: Path | None, files: list[str], namespace: str) -> None:
    objects = read_manifests(files)
    if not objects:
        fail("no objects found in the files given")
    async with connect(data_dir) as session:
        for data in objects:
            resource = await session.resolve_object(data)
            where = data.get("metadata", {}).get("namespace") or namespace
            name, what = await session.apply(resource, where, data)
            console.print(Text.assemble(f"{resource.display}/{name} ", (what, "green")))


@show_errors
def delete(
    what: Annotated[list[str] | None, typer.Argument(help="KIND NAME … or KIND/NAME.")] = None,
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", help="File that lists what to delete.")
    ] = None,
    namespace: NamespaceOption = "default",
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="Succeed when there is no such object.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Return only when the objects are gone.")] = True,
    data_dir: DataDirOption = None,
) -> None:
    """Delete objects, by name or as listed in files."""
    if not what and not filename:
        fail("name what to delete: KIND NAME, or -f FILE")
    asyncio.run(
        _delete(
            data_dir,
            what or [],
            filename or [],
            namespace,
            ignore_not_found=ignore_not_found,
            wait=wait,
        )
    )


async def _delete(
    data_dir: Path | None,
    what: list[str],
    files: list[str],
    namespace: str,
    *,
    ignore_not_found: bool,
    wait: bool,
) -> None:
    async with connect(data_dir) as session:
        targets: list[tuple[ServedResource, str, str]] = []
        for kind, name in named_objects(what) if what else ():
            targets.append((await session.resolve(kind), namespace, name))
        for data in read_manifests(files):
            resource = await session.resolve_object(data)
            meta = data["metadata"]
            targets.append((resource, meta.get("namespace") or namespace, meta["name"]))
        for resource, where, name in targets:
            request = session.request(
                Verb.DELETE, resource, where, name, body={"propagationPolicy": "Background"}
            )
            try:
                await session.transport.call(request)
            except NotFoundError:
                if ignore_not_found:
                    continue
                raise
            console.print(f'{resource.display} "{name}" deleted')
        if wait:
            for resource, where, name in targets:
                await wait_until(session, resource, where, name, lambda obj: obj is None, 300)


@show_errors
def describe(
    what: Annotated[list[str], typer.Argument(help="KIND NAME or KIND/NAME.")],
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Show one object in full, with its events."""
    asyncio.run(_describe(data_dir, what, namespace))


async def _describe(data_dir: Path | None, what: list[str], namespace: str) -> None:
    kind, names = split_target(what)
    async with connect(data_dir) as session:
        resource = await session.resolve(kind)
        if not names:
            listed = await session.read(resource, namespace)
            names = [item["metadata"]["name"] for item in listed.get("items") or ()]
        for name in names:
            data = await session.read(resource, namespace, name)
            meta = data["metadata"]
            for noise in ("managedFields", "resourceVersion", "generation", "selfLink"):
                meta.pop(noise, None)
            (meta.get("annotations") or {}).pop(_LAST_APPLIED, None)
            console.print(Text(f"{resource.kind} {name}", style="bold"))
            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
            console.print(text.rstrip(), markup=False)
            selector = f"involvedObject.name={name},involvedObject.uid={meta.get('uid', '')}"
            events = await session.resolve("events")
            found = await session.table(events, namespace, "", {"fieldSelector": selector})
            console.print(Text("events:", style="bold"))
            if rows := found.get("rows"):
                _print_events(found["columnDefinitions"], rows)
            else:
                console.print("  none", style="dim")


def _print_events(columns: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """What is not said by the object that they are about."""
    at = {column["name"].lower(): index for index, column in enumerate(columns)}
    lines = [[row["cells"][at[name]] for name in _EVENT_COLUMNS] for row in rows]
    print_table([name.title() for name in _EVENT_COLUMNS], lines)
