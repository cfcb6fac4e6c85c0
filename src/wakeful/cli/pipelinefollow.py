"""Follow a run: its tree while it goes on, and what its steps print."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import aiohttp
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.request import Verb
from wakeful.apimachinery.watch import EventType
from wakeful.cli.output import console
from wakeful.cli.pipelineruns import (
    JSON,
    RunView,
    TaskNode,
    changes,
    is_done,
    make_tree,
    utc_now,
)
from wakeful.cli.session import ServedResource, Session

_RUN_LABEL = "tekton.dev/pipelineRun"
_REFRESHES = 8
_PRINTED_STATES = ("Running", "Succeeded", "Failed", "Cancelled", "Skipped")


class Follower:
    """Watches one PipelineRun and its children until it has ended."""

    def __init__(self, session: Session, namespace: str, name: str, *, logs: bool) -> None:
        self._session, self._namespace, self._name = session, namespace, name
        self._logs = logs
        self._view = RunView()
        self._states: dict[str, str] = {}
        self._streamed: set[tuple[str, str]] = set()
        self._changed = asyncio.Event()
        self._live: Live | None = None

    async def run(self) -> JSON:
        """Show the run until it has ended; return it.

        Cancellation: the run goes on, only the showing ends.
        """
        runs = await self._session.resolve("pipelineruns.tekton.dev")
        tasks = await self._session.resolve("taskruns.tekton.dev")
        if console.is_terminal:
            self._live = Live(
                console=console, refresh_per_second=_REFRESHES, get_renderable=self._render
            )
            self._live.start()
        try:
            async with asyncio.TaskGroup() as group:
                watches = [
                    group.create_task(
                        self._watch(runs, f"metadata.name={self._name}", "", self._take_run)
                    ),
                    group.create_task(
                        self._watch(tasks, "", f"{_RUN_LABEL}={self._name}", self._take_child)
                    ),
                ]
                await self._show(group)
                for watch in watches:
                    watch.cancel()
        finally:
            if self._live is not None:
                self._live.stop()
        return self._view.run

    async def _show(self, group: asyncio.TaskGroup) -> None:
        streams: list[asyncio.Task[None]] = []
        while True:
            await self._changed.wait()
            self._changed.clear()
            nodes = list(self._view.nodes(utc_now()))
            self._print(nodes)
            if self._logs:
                streams += [
                    group.create_task(self._stream(node, pod, container))
                    for node, pod, container in self._started(nodes)
                ]
            everything = (self._view.run, *self._view.children.values())
            if all(is_done(one) for one in everything):
                break
        if streams:
            await asyncio.wait(streams)

    def _render(self) -> RenderableType:
        return make_tree(self._view, utc_now()) if self._view.run else Text("starting")

    def _print(self, nodes: list[TaskNode]) -> None:
        """Without a terminal: a line for each change."""
        for node in changes(self._states, nodes):
            self._states[node.name] = node.state
            if self._live is None and node.state in _PRINTED_STATES:
                seconds = f" in {node.seconds}" if node.state == "Succeeded" else ""
                detail = f": {node.detail}" if node.detail else ""
                console.print(Text(f"[{node.name}] {node.state}{seconds}{detail}"))

    def _started(self, nodes: list[TaskNode]) -> list[tuple[str, str, str]]:
        """Steps whose output is not shown yet: task, pod, container."""
        found = []
        for node in nodes:
            status = self._view.children.get(node.run_name, {}).get("status") or {}
            pod = str(status.get("podName") or "")
            for step in status.get("steps") or ():
                container = str(step.get("container", ""))
                begun = step.get("running") or step.get("terminated")
                skipped = step.get("terminationReason") == "Skipped"
                if pod and begun and not skipped and (pod, container) not in self._streamed:
                    self._streamed.add((pod, container))
                    found.append((node.name, pod, container))
        return found

    async def _stream(self, task: str, pod: str, container: str) -> None:
        await stream_log(
            self._session,
            self._namespace,
            pod,
            container,
            f"[{task} : {container.removeprefix('step-')}] ",
            follow=True,
        )

    async def _watch(
        self,
        resource: ServedResource,
        fields: str,
        labels: str,
        take: Callable[[JSON, bool], None],
    ) -> None:
        session = self._session
        params = {"fieldSelector": fields} if fields else {"labelSelector": labels}
        while True:
            listed = await session.read(resource, self._namespace, params=params)
            items = listed.get("items") or ()
            for item in items:
                take(item, False)
            if not items and fields:
                raise NotFoundError(f'pipelineruns.tekton.dev "{self._name}" not found')
            version = listed["metadata"]["resourceVersion"]
            request = session.request(
                Verb.WATCH, resource, self._namespace, params=params | {"resourceVersion": version}
            )
            async with session.transport.watch(request) as events:
                async for event in events:
                    if event.type is not EventType.BOOKMARK:
                        take(event.object, event.type is EventType.DELETED)

    def _take_run(self, run: JSON, deleted: bool) -> None:
        if deleted:
            raise NotFoundError(f'pipelineruns.tekton.dev "{self._name}" was deleted')
        self._view.run = run
        self._changed.set()

    def _take_child(self, child: JSON, deleted: bool) -> None:
        if deleted:
            self._view.children.pop(child["metadata"]["name"], None)
        else:
            self._view.children[child["metadata"]["name"]] = child
        self._changed.set()


async def stream_log(
    session: Session,
    namespace: str,
    pod: str,
    container: str,
    prefix: str,
    *,
    follow: bool,
) -> None:
    """Print what one container wrote, each line with ``prefix``; a Pod that is gone is told."""
    transport = session.transport
    url = transport.url(f"/api/v1/namespaces/{namespace}/pods/{pod}/log")
    params = {"container": container} | ({"follow": "true"} if follow else {})
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with transport.session.get(url, params=params, timeout=timeout) as response:
        if response.status >= 400:
            write(f"{prefix}(no log: the pod is gone)")
            return
        async for line in response.content:
            write(prefix + line.decode(errors="replace").rstrip("\n"))


def write(text: str) -> None:
    """A line of output; above the tree when there is one."""
    if console.is_terminal:
        console.print(Text(text), soft_wrap=True)
    else:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
