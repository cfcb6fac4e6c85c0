"""``get``, ``apply``, ``delete``, ``describe`` and ``wait``: objects of any kind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.text import Text

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.jsonpath import JSONPath
from wakeful.apimachinery.request import Verb
from wakeful.apimachinery.watch import EventType
from wakeful.cli.files import read_manifests
from wakeful.cli.options import (
    AllNamespacesOption,
    DataDirOption,
    FileOption,
    NamespaceOption,
    OutputOption,
)
from wakeful.cli.output import console, fail, print_data, print_table, show_errors
from wakeful.cli.session import ServedResource, Session, connect

SelectorOption = Annotated[str, typer.Option("--selector", "-l", help="Label selector.")]


def _target(words: list[str]) -> tuple[str, list[str]]:
    """Split ``KIND [NAME…]`` or ``KIND/NAME``."""
    kind, _, name = words[0].partition("/")
    return kind, [name, *words[1:]] if name else words[1:]


def _objects(words: list[str]) -> list[tuple[str, str]]:
    """Kind and name of each object in ``KIND NAME…`` or ``KIND/NAME KIND/NAME…``."""
    kind, found = words[0], []
    for index, word in enumerate(words):
        before, slash, after = word.partition("/")
        if slash:
            kind = before
            found.append((kind, after))
        elif index:
            found.append((kind, word))
    if not found:
        fail(f"name the {kind}")
    return found


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
    scope = "" if all_namespaces else namespace
    asyncio.run(_get(data_dir, what, scope, output, selector))


async def _get(
    data_dir: Path | None, what: list[str], namespace: str, output: str, selector: str
) -> None:
    kind, names = _target(what)
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
            console.print(Text(f"{resource.display}/{name} ") + Text(what, style="green"))


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
        for kind, name in _objects(what) if what else ():
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
    kind, names = _target(what)
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
            console.print(Text(f"{resource.kind} {name}", style="bold"))
            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
            console.print(text.rstrip(), markup=False)
            selector = f"involvedObject.name={name},involvedObject.uid={meta.get('uid', '')}"
            events = await session.resolve("events")
            found = await session.table(events, namespace, "", {"fieldSelector": selector})
            console.print(Text("events:", style="bold"))
            if rows := found.get("rows"):
                _print_rows(
                    found["columnDefinitions"], rows, wide=False, with_namespace=False, prefix=""
                )
            else:
                console.print("  none", style="dim")


@show_errors
def wait(
    what: Annotated[list[str], typer.Argument(help="KIND NAME … or KIND/NAME ….")],
    condition: Annotated[
        str, typer.Option("--for", help="condition=TYPE[=STATUS], delete, create or jsonpath=P=V.")
    ] = "condition=Ready",
    timeout: Annotated[str, typer.Option(help="How long, such as 30s or 5m.")] = "30s",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Wait until objects are as wanted."""
    asyncio.run(_wait(data_dir, what, condition, timeout, namespace))


async def _wait(
    data_dir: Path | None, what: list[str], condition: str, timeout: str, namespace: str
) -> None:
    test = parse_condition(condition)
    objects = _objects(what)
    try:
        seconds = parse_duration(timeout).total_seconds()
    except ValueError as err:
        fail(f"--timeout: {err}")
    async with connect(data_dir) as session:
        for kind, name in objects:
            resource = await session.resolve(kind)
            try:
                await wait_until(session, resource, namespace, name, test, seconds)
            except TimeoutError:
                fail(
                    f"timed out waiting for {condition} on {resource.plural}/{name}",
                    hint=f"`wakeful describe {kind} {name}` shows how far it is.",
                )
            console.print(f"{resource.display}/{name} condition met")


class _Wanted:
    def __init__(self, kind: str, status: str) -> None:
        self._kind, self._status = kind.lower(), status.lower()

    def __call__(self, obj: dict[str, Any] | None) -> bool:
        if obj is None:
            return False
        status = obj.get("status") or {}
        observed = status.get("observedGeneration")
        if observed is not None and observed < obj["metadata"].get("generation", 0):
            return False
        return any(
            c.get("type", "").lower() == self._kind and c.get("status", "").lower() == self._status
            for c in status.get("conditions") or ()
        )


def parse_condition(text: str) -> Any:
    """Read the argument of ``--for``; return a test of an object (None: there is none)."""
    if text == "delete":
        return lambda obj: obj is None
    if text == "create":
        return lambda obj: obj is not None
    kind, _, rest = text.partition("=")
    if kind == "condition" and rest:
        name, _, status = rest.partition("=")
        return _Wanted(name, status or "true")
    if kind == "jsonpath" and "=" in rest:
        path, _, value = rest.rpartition("=")
        compiled = JSONPath(path.strip("'\"{}"))
        return lambda obj: obj is not None and value in [str(v) for v in compiled.find(obj)]
    fail(f"--for: {text!r} is none of condition=…, jsonpath=…=…, create, delete")
    return None


async def wait_until(
    session: Session,
    resource: ServedResource,
    namespace: str,
    name: str,
    test: Any,
    seconds: float,
) -> None:
    """Return once ``test`` holds for the object.

    Raises:
        TimeoutError: It did not in ``seconds``.
    """
    params = {"fieldSelector": f"metadata.name={name}"}
    async with asyncio.timeout(seconds):
        while True:
            listed = await session.read(resource, namespace, params=params)
            items = listed.get("items") or []
            if test(items[0] if items else None):
                return
            version = listed["metadata"]["resourceVersion"]
            request = session.request(
                Verb.WATCH, resource, namespace, params=params | {"resourceVersion": version}
            )
            async with session.transport.watch(request) as events:
                async for event in events:
                    if event.type is EventType.BOOKMARK:
                        continue
                    if test(None if event.type is EventType.DELETED else event.object):
                        return
