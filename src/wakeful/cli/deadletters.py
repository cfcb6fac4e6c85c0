"""``events deadletters``: the events that nobody took."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import click
import typer
import yaml

from wakeful.cli.options import AllNamespacesOption, DataDirOption, NamespaceOption, check_output
from wakeful.cli.output import console, errors, fail, print_data, print_table, show_errors
from wakeful.cli.session import Session, connect

_API = "/apis/events.wakeful.dev/v1alpha1"
_PAGE = 500

app = typer.Typer(help="Events that nobody took: list, mend, replay.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The number of the letter.")]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Numbers of letters.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every one of the namespace.")]
ForOption = Annotated[
    str, typer.Option("--for", help="Only those meant for it, such as trigger/NAME.")
]


@app.command("list")
@show_errors
def list_letters(
    meant_for: ForOption = "",
    output: Annotated[str, typer.Option("--output", "-o", help="table, wide, json or yaml.")] = (
        "table"
    ),
    all_namespaces: AllNamespacesOption = False,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """List the dead letters."""
    check_output(output, "table", "wide", "json", "yaml")
    items = asyncio.run(_list(data_dir, "" if all_namespaces else namespace, meant_for))
    if output in ("json", "yaml"):
        print_data(items, output)
        return
    if not items:
        errors.print(f"No dead letters{'' if all_namespaces else f' in {namespace}'}.")
        return
    headers = ["Name", "For", "Type", "Event", "Code", "Attempts", "Failed", "Reason"]
    rows = [_row(item) for item in items]
    if output == "table":
        rows = [(*row[:-1], _short(str(row[-1]))) for row in rows]
    print_table(headers, rows)


@app.command("show")
@show_errors
def show_letter(
    name: NameArgument, namespace: NamespaceOption = "default", data_dir: DataDirOption = None
) -> None:
    """Show one: the event, who did not take it, and why."""
    print_data(asyncio.run(_read(data_dir, namespace, name)), "yaml")


@app.command("edit")
@show_errors
def edit_letter(
    name: NameArgument,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="New data, instead of an editor.")
    ] = None,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Change the event before it is replayed, in $EDITOR or with --data."""
    asyncio.run(_edit(data_dir, namespace, name, data))


@app.command("replay")
@show_errors
def replay_letters(
    names: NamesArgument = None,
    everything: AllOption = False,
    meant_for: ForOption = "",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Send dead letters again; those that are taken are gone."""
    _check_choice(names, everything=everything, meant_for=meant_for)
    failed = asyncio.run(_replay(data_dir, namespace, names or [], meant_for))
    if failed:
        raise typer.Exit(1)


@app.command("delete")
@show_errors
def delete_letters(
    names: NamesArgument = None,
    everything: AllOption = False,
    meant_for: ForOption = "",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Forget dead letters."""
    _check_choice(names, everything=everything, meant_for=meant_for)
    asyncio.run(_delete(data_dir, namespace, names or [], meant_for))


def _check_choice(names: Sequence[str] | None, *, everything: bool, meant_for: str) -> None:
    if bool(names) == (everything or bool(meant_for)):
        fail("give the numbers of some, or --all, or --for")


async def _list(data_dir: Path | None, namespace: str, meant_for: str) -> list[dict[str, Any]]:
    async with connect(data_dir) as session:
        return await _all(session, namespace, meant_for)


async def _all(session: Session, namespace: str, meant_for: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    params = {"limit": str(_PAGE)}
    if meant_for:
        kind, slash, name = meant_for.partition("/")
        if not slash:
            fail(f"--for {meant_for!r} is not KIND/NAME")
        if not namespace:
            fail("--for needs a namespace, not --all-namespaces")
        params["fieldSelector"] = f"status.owner={kind.lower()}/{namespace}/{name}"
    where = f"/namespaces/{namespace}" if namespace else ""
    while True:
        page = await session.transport.raw("GET", f"{_API}{where}/deadletters", params=params)
        items += page["items"]
        more = page["metadata"].get("continue")
        if not more:
            return items
        params["continue"] = more


async def _read(data_dir: Path | None, namespace: str, name: str) -> dict[str, Any]:
    async with connect(data_dir) as session:
        return await session.transport.raw("GET", _path(namespace, name))


async def _edit(data_dir: Path | None, namespace: str, name: str, data: str | None) -> None:
    async with connect(data_dir) as session:
        letter = await session.transport.raw("GET", _path(namespace, name))
        event = letter["spec"]["event"]
        changed = _with_data(event, data) if data is not None else _in_editor(event)
        if changed is None or changed == event:
            console.print("nothing changed")
            return
        letter["spec"]["event"] = changed
        await session.transport.raw("PUT", _path(namespace, name), json=letter)
    console.print(
        f"dead letter {name} changed; `wakeful events deadletters replay {name}` sends it"
    )


def _with_data(event: dict[str, Any], text: str) -> dict[str, Any]:
    rest = {key: value for key, value in event.items() if key not in ("data", "data_base64")}
    try:
        return rest | {"data": yaml.safe_load(text) if _is_json(event) else text}
    except yaml.YAMLError as err:
        fail(f"--data: {err}")


def _is_json(event: dict[str, Any]) -> bool:
    kind = str(event.get("datacontenttype") or "application/json").partition(";")[0]
    return kind.endswith(("/json", "+json"))


def _in_editor(event: dict[str, Any]) -> dict[str, Any] | None:
    text = yaml.safe_dump(event, sort_keys=False, allow_unicode=True)
    edited = click.edit(text, extension=".yaml")
    if edited is None:
        return None
    try:
        found = yaml.safe_load(edited)
    except yaml.YAMLError as err:
        fail(f"this is not YAML: {err}")
    if not isinstance(found, dict):
        fail("an event is a map of attributes")
    return found


async def _replay(
    data_dir: Path | None, namespace: str, names: Sequence[str], meant_for: str
) -> int:
    failed = 0
    async with connect(data_dir) as session:
        for name in names or await _names(session, namespace, meant_for):
            letter = await session.transport.raw(
                "POST", f"{_path(namespace, name)}/replay", json={}
            )
            done = letter["status"]["replay"]
            event = letter["spec"]["event"]
            if done["delivered"]:
                console.print(f"{name}: {done['url']} took event {event['id']}", soft_wrap=True)
            else:
                failed += 1
                errors.print(f"{name}: not taken: {done.get('reason', '')}")
    return failed


async def _delete(
    data_dir: Path | None, namespace: str, names: Sequence[str], meant_for: str
) -> None:
    async with connect(data_dir) as session:
        chosen = names or await _names(session, namespace, meant_for)
        for name in chosen:
            await session.transport.raw("DELETE", _path(namespace, name))
            console.print(f"dead letter {name} deleted")


async def _names(session: Session, namespace: str, meant_for: str) -> list[str]:
    return [item["metadata"]["name"] for item in await _all(session, namespace, meant_for)]


def _path(namespace: str, name: str) -> str:
    return f"{_API}/namespaces/{namespace}/deadletters/{name}"


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    event, status = item["spec"]["event"], item["status"]
    return (
        item["metadata"]["name"],
        status["owner"],
        event["type"],
        event["id"],
        status.get("code", "-"),
        status["attempts"],
        status["failedAt"][:19].replace("T", " "),
        status["reason"],
    )


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
