"""``events``: look on while events pass, send one, and find out where one went."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import aiohttp
import orjson
import typer
from rich.text import Text

from wakeful.apimachinery.errors import (
    APIStatusError,
    ServiceUnavailableError,
    error_from_status,
)
from wakeful.cli import deadletters
from wakeful.cli.options import AllNamespacesOption, DataDirOption, NamespaceOption, check_output
from wakeful.cli.output import console, errors, fail, print_data, print_table, show_errors
from wakeful.cli.session import Session, connect
from wakeful.cloudevents import (
    CloudEventError,
    Event,
    Mode,
    checked,
    from_json,
    is_json_type,
    to_http,
    to_json,
)
from wakeful.cloudevents.event import make_event

EVENTS_API = "/apis/events.wakeful.dev/v1alpha1"
_SEND_SECONDS = 60
_BROKER = "eventing.knative.dev/v1"
_MOST_FOLLOWED = 50

app = typer.Typer(help="Events: watch them pass, send them, find and repair.", no_args_is_help=True)
app.add_typer(deadletters.app, name="deadletters")


# --- tail ---------------------------------------------------------------------------------------


@app.command("tail")
@show_errors
def tail(
    name: Annotated[str, typer.Argument(help="BROKER, or KIND/NAME of a channel.")] = "default",
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
    most: Annotated[int, typer.Option("--max", help="End after so many events; 0 never.")] = 0,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Show events as a Broker or channel accepts them, until interrupted."""
    check_output(output, "text", "json")
    kind, slash, rest = name.partition("/")
    asyncio.run(
        _tail(
            data_dir, namespace, kind if slash else "broker", rest if slash else name, output, most
        )
    )


async def _tail(
    data_dir: Path | None, namespace: str, kind: str, name: str, output: str, most: int
) -> None:
    async with connect(data_dir) as session:
        resource = await session.resolve(kind)
        path = f"{EVENTS_API}/namespaces/{namespace}/tails/{name}/events"
        count = 0
        async for line in _lines(session, path, {"kind": resource.kind}):
            if not line.strip():
                errors.print(f"looking on at {resource.kind} {namespace}/{name}; Ctrl-C ends it")
                continue
            if output == "json":
                sys.stdout.write(line.decode())
                sys.stdout.flush()
            else:
                print_event(from_json(line))
            count += 1
            if most and count >= most:
                return


async def _lines(session: Session, path: str, params: Mapping[str, str]) -> AsyncIterator[bytes]:
    transport = session.transport
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with transport.session.get(
            transport.url(path), params=params, timeout=timeout
        ) as response:
            if response.status >= 400:
                raise await _error(response)
            async for line in response.content:
                yield line
    except aiohttp.ClientError as err:
        raise ServiceUnavailableError(f"the platform went away: {err}") from err


async def _error(response: aiohttp.ClientResponse) -> APIStatusError:
    body = await response.read()
    try:
        status = json.loads(body)
    except ValueError:
        status = {"message": body.decode(errors="replace")[:2000]}
    return error_from_status(status, response.status)


def print_event(event: Event) -> None:
    """An event for people: its attributes, then its data."""
    when = event.time or datetime.now(UTC).isoformat(timespec="seconds")
    head = Text.assemble(
        (f"{when}  ", "dim"), (event.type, "bold cyan"), f"  {event.source}  id={event.id}"
    )
    console.print(head, soft_wrap=True)
    rest = {k: v for k, v in event.attributes().items() if k not in _IN_HEAD}
    if rest:
        text = "  ".join(f"{name}={value}" for name, value in rest.items())
        console.print(Text(f"    {text}", style="dim"), soft_wrap=True)
    if event.data:
        console.print(Text(f"    {_show_data(event)}"), soft_wrap=True)


_IN_HEAD = ("specversion", "id", "source", "type", "time")


def _show_data(event: Event) -> str:
    data = event.data or b""
    if is_json_type(event.datacontenttype):
        try:
            return orjson.dumps(orjson.loads(data)).decode()
        except orjson.JSONDecodeError:
            pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"{len(data)} bytes"


# --- send ---------------------------------------------------------------------------------------


@app.command("send")
@show_errors
def send(
    to: Annotated[str, typer.Argument(help="BROKER, KIND/NAME, or a URL.")] = "default",
    event_type: Annotated[
        str, typer.Option("--type", "-t", help="Its type.")
    ] = "dev.wakeful.event",
    source: Annotated[str, typer.Option("--source", "-s", help="Its source.")] = "/wakeful/cli",
    event_id: Annotated[str, typer.Option("--id", help="Its id; a new one if absent.")] = "",
    subject: Annotated[str, typer.Option(help="Its subject.")] = "",
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="Its data; @FILE reads a file, @- stdin.")
    ] = None,
    content_type: Annotated[
        str, typer.Option("--content-type", help="Of the data; JSON is recognised.")
    ] = "",
    extension: Annotated[
        list[str] | None, typer.Option("--extension", "-e", help="NAME=VALUE; repeatable.")
    ] = None,
    file: Annotated[
        str, typer.Option("--file", "-f", help="A whole event in JSON; - for standard input.")
    ] = "",
    structured: Annotated[bool, typer.Option("--structured", help="Send it as one JSON.")] = False,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Send an event to a Broker, a channel, a service or a URL."""
    mode = Mode.STRUCTURED if structured else Mode.BINARY
    try:
        if file:
            event = from_json(_read(file))
        else:
            body = None if data is None else _read_data(data)
            core = {
                "specversion": "1.0",
                "id": event_id or str(uuid4()),
                "source": source,
                "type": event_type,
                "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                **({"subject": subject} if subject else {}),
                **_content_type(content_type, body),
            }
            extensions = dict(_pair(text) for text in extension or ())
            event = checked(make_event(core, extensions, body))
    except CloudEventError as err:
        fail(f"this is no valid event: {err}")
    asyncio.run(_send(data_dir, namespace, to, event, mode))


def _content_type(given: str, data: bytes | None) -> dict[str, str]:
    if given or data is None:
        return {"datacontenttype": given} if given else {}
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return {"datacontenttype": "text/plain"}
    return {"datacontenttype": "application/json"}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        fail(f"--extension {text!r} is not NAME=VALUE")
    return name, value


def _read_data(text: str) -> bytes:
    return _read(text[1:]) if text.startswith("@") else text.encode()


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as err:
        fail(f"{name}: {err.strerror}")


async def _send(data_dir: Path | None, namespace: str, to: str, event: Event, mode: Mode) -> None:
    if "://" in to:
        code, body = await _post(to, event, mode)
        where = to
    else:
        async with connect(data_dir) as session:
            ref = await _reference(session, to)
            answer = await session.transport.raw(
                "POST",
                f"{EVENTS_API}/namespaces/{namespace}/sendings",
                json={
                    "apiVersion": "events.wakeful.dev/v1alpha1",
                    "kind": "Sending",
                    "spec": {"to": ref, "event": _exactly(event), "mode": str(mode)},
                },
            )
        status = answer["status"]
        code, body, where = status["code"], status["body"], f"{ref['kind']} {ref['name']}"
    if code >= 300:
        fail(f"{where} answered {code}: {body.strip()}" if body else f"{where} answered {code}")
    console.print(f"{where} took event {event.id} ({code})", soft_wrap=True)
    if body.strip():
        console.print(Text(body.rstrip()), soft_wrap=True)


def _exactly(event: Event) -> dict[str, Any]:
    """The event in JSON, its data byte for byte."""
    found: dict[str, Any] = json.loads(to_json(replace(event, data=None)))
    if event.data is not None:
        found["data_base64"] = base64.b64encode(event.data).decode()
    return found


async def _reference(session: Session, to: str) -> dict[str, str]:
    kind, slash, name = to.partition("/")
    if not slash:
        return {"apiVersion": _BROKER, "kind": "Broker", "name": to}
    resource = await session.resolve(kind)
    version = f"{resource.group}/{resource.version}" if resource.group else resource.version
    return {"apiVersion": version, "kind": resource.kind, "name": name}


async def _post(url: str, event: Event, mode: Mode) -> tuple[int, str]:
    headers, data = to_http(event, mode)
    timeout = aiohttp.ClientTimeout(total=_SEND_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, headers=headers, data=data, allow_redirects=False) as response,
        ):
            return response.status, (await response.read()).decode(errors="replace")
    except TimeoutError:
        fail(f"{url}: no answer in {_SEND_SECONDS} s")
    except (aiohttp.ClientError, ValueError) as err:
        fail(f"{url}: {err}")


# --- show ---------------------------------------------------------------------------------------


@app.command("show")
@show_errors
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    source: Annotated[str, typer.Option("--source", "-s", help="If ids repeat.")] = "",
    output: Annotated[str, typer.Option("--output", "-o", help="table or json.")] = "table",
    all_namespaces: AllNamespacesOption = False,
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Show where one event went, hop by hop, and where the answers to it went."""
    check_output(output, "table", "json")
    hops = asyncio.run(_follow(data_dir, "" if all_namespaces else namespace, event_id, source))
    if not hops:
        fail(
            f"nothing is known of an event with id {event_id!r} here",
            hint="Of very many events only a sample is kept, and old ones are forgotten;"
            " -A looks into every namespace.",
        )
    if output == "json":
        print_data(hops, "json")
        return
    print_table(
        ["Time", "Event", "Step", "Where", "Code", "ms", "Note"],
        [_row(hop["status"]) for hop in hops],
    )


def _row(status: Mapping[str, Any]) -> Sequence[Any]:
    note = status.get("note") or status.get("url", "")
    if status.get("attempt", 0) > 1:
        note = f"attempt {status['attempt']}: {note}"
    return (
        status["at"][11:23],
        status["event"]["id"],
        status["step"],
        status["owner"],
        status.get("code", "-"),
        status.get("milliseconds", "-"),
        note or "-",
    )


async def _follow(
    data_dir: Path | None, namespace: str, event_id: str, source: str
) -> list[dict[str, Any]]:
    """The hops of an event, and of events that were answers to it, in order of time."""
    found: dict[str, dict[str, Any]] = {}
    async with connect(data_dir) as session:
        todo, seen = [(event_id, source)], {event_id}
        while todo and len(seen) <= _MOST_FOLLOWED:
            wanted, of = todo.pop(0)
            for hop in await _hops(session, namespace, wanted, of):
                found[hop["metadata"]["name"]] = hop
                answer = _answer_of(hop["status"])
                if answer and answer not in seen:
                    seen.add(answer)
                    todo.append((answer, ""))
    return sorted(
        found.values(), key=lambda hop: (hop["status"]["at"], int(hop["metadata"]["name"]))
    )


async def _hops(
    session: Session, namespace: str, event_id: str, source: str
) -> list[dict[str, Any]]:
    where = f"/namespaces/{namespace}" if namespace else ""
    fields = f"event.id={event_id}" + (f",event.source={source}" if source else "")
    data = await session.transport.raw(
        "GET", f"{EVENTS_API}{where}/hops", params={"fieldSelector": fields}
    )
    return list(data["items"])


def _answer_of(status: Mapping[str, Any]) -> str:
    """The id of the event a subscriber answered with."""
    if status["step"] != "replied":
        return ""
    return str(status.get("note", "")).rpartition(" ")[2]
