"""``wait``, and waiting for objects to be as wanted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.jsonpath import JSONPath
from wakeful.apimachinery.request import Verb
from wakeful.apimachinery.watch import EventType
from wakeful.cli.naming import named_objects
from wakeful.cli.options import DataDirOption, NamespaceOption, TimeoutOption, read_seconds
from wakeful.cli.output import console, fail, show_errors
from wakeful.cli.session import ServedResource, Session, connect


@show_errors
def wait(
    what: Annotated[list[str], typer.Argument(help="KIND NAME … or KIND/NAME ….")],
    condition: Annotated[
        str, typer.Option("--for", help="condition=TYPE[=STATUS], delete, create or jsonpath=P=V.")
    ] = "condition=Ready",
    timeout: TimeoutOption = "30s",
    namespace: NamespaceOption = "default",
    data_dir: DataDirOption = None,
) -> None:
    """Wait until objects are as wanted."""
    asyncio.run(_wait(data_dir, what, condition, timeout, namespace))


async def _wait(
    data_dir: Path | None, what: list[str], condition: str, timeout: str, namespace: str
) -> None:
    test = parse_condition(condition)
    objects = named_objects(what)
    seconds = read_seconds("--timeout", timeout)
    async with connect(data_dir) as session:
        for kind, name in objects:
            resource = await session.resolve(kind)
            try:
                await wait_until(session, resource, namespace, name, test, seconds)
            except TimeoutError:
                if not await _exists(session, resource, namespace, name):
                    fail(
                        f"timed out waiting for {condition}: {resource.display} {name!r} "
                        f"does not exist in namespace {namespace!r}"
                    )
                is_explained = resource.group == "serving.knative.dev" and kind != "route"
                command = "explain" if is_explained else "describe"
                fail(
                    f"timed out waiting for {condition} on {resource.plural}/{name}",
                    hint=f"`wakeful {command} {kind} {name}` shows how far it is.",
                )
            console.print(f"{resource.display}/{name} condition met")


async def _exists(session: Session, resource: ServedResource, namespace: str, name: str) -> bool:
    try:
        await session.read(resource, namespace, name)
    except NotFoundError:
        return False
    return True


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
