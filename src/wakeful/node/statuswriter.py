"""The one who writes a Pod's status: few writes, none lost, nobody else's words overwritten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from wakeful.aio import Backoff, retry
from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core.pod_types import Pod, PodStatus
from wakeful.autoscaler.coldstart import Mark
from wakeful.node.context import NodeContext

log = structlog.get_logger("wakeful.node.status")

COALESCE_SECONDS = 0.2
"""How long a change nobody waits for may be held back, to be written with the next one.

A container that is ready this soon after its start costs one write instead of two, and none while
it boots and needs the processor itself.
"""


class Report(Protocol):
    """How the parts of a worker tell what happened."""

    def changed(self, *, urgent: bool) -> None:
        """A snapshot changed; ``urgent`` when somebody may be waiting for it."""
        ...

    def normal(self, reason: str, message: str) -> None:
        """Record an event; it may wait for the next status, so that it never delays one."""
        ...

    def warning(self, reason: str, message: str) -> None:
        """Record an event about something that went wrong."""
        ...


class StatusWriter:
    """Knows the newest version of one Pod and keeps its status true.

    ``compose`` makes the status from the newest version; it is called when there is something to
    write, so any number of changes in between cost one write.
    """

    def __init__(
        self, node: NodeContext, pod: Pod, compose: Callable[[Pod], PodStatus | None]
    ) -> None:
        self.pod = pod
        self.gone = False
        """The object is not in the API any more, or another one has its name."""
        self._node, self._compose = node, compose
        self._dirty, self._urgent = asyncio.Event(), asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._events: list[tuple[str, str]] = []

    def observe(self, pod: Pod) -> bool:
        """Learn of a version from the watch; False when a newer one is known already."""
        if _version(pod) < _version(self.pod):
            return False  # what was written here has overtaken the watch
        self.pod = pod
        return True

    def changed(self, *, urgent: bool) -> None:
        """Have the status composed and written soon, or at once."""
        self._settled.clear()
        self._dirty.set()
        if urgent:
            self._urgent.set()

    def normal(self, reason: str, message: str) -> None:
        """Record an event after the next status write."""
        self._events.append((reason, message))

    def warning(self, reason: str, message: str) -> None:
        """Record a warning."""
        self._node.recorder.warning(self.pod, reason, message)

    async def settle(self) -> None:
        """Return once everything that changed so far is written, or there is no object to."""
        await self._settled.wait()

    async def run(self) -> None:
        """Write until cancelled."""

        def tell(err: Exception, delay: float) -> None:
            log.warning(
                "pod status not written",
                pod=str(self.pod.key),
                error=str(err),
                retry_seconds=delay,
            )
            self.changed(urgent=True)
            self.tell_events()

        while True:
            await self._dirty.wait()
            await retry(
                self._write_what_changed,
                APIStatusError,
                backoff=Backoff(base=0.1, cap=10),
                tell=tell,
                clock=self._node.clock,
            )
            self.tell_events()
            if self.gone or not self._dirty.is_set():
                self._settled.set()

    async def _write_what_changed(self) -> None:
        await self._collect()
        self._dirty.clear()
        self._urgent.clear()
        try:
            await self._write()
        except NotFoundError:
            self.gone = True
        except ConflictError:
            await self._read_again()

    def tell_events(self) -> None:
        """Record the events that were held back."""
        events, self._events = self._events, []
        for reason, message in events:
            self._node.recorder.normal(self.pod, reason, message)

    async def _collect(self) -> None:
        if self._urgent.is_set():
            return
        try:
            async with asyncio.timeout(COALESCE_SECONDS):
                await self._urgent.wait()
        except TimeoutError:
            return

    async def _write(self) -> None:
        """Write the status if it changed; a request may be waiting for it, so nothing is wasted.

        The answer is not parsed: the watch brings it, and only its version is needed now.
        """
        pod = self.pod
        status = None if self.gone else self._compose(pod)
        if status is None:
            return
        await self._announce(pod.model_copy(update={"status": status}))
        wire, metadata = status.to_wire(), pod.metadata
        if wire == pod.status.to_wire():
            return
        answer = await self._node.client.transport.call(
            APIRequest(
                Verb.UPDATE,
                "",
                "v1",
                "pods",
                namespace=metadata.namespace,
                name=metadata.name,
                subresource="status",
                body={
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {
                        "name": metadata.name,
                        "namespace": metadata.namespace,
                        "uid": metadata.uid,
                        "resourceVersion": metadata.resource_version,
                    },
                    "status": wire,
                },
                params={"fieldManager": "node-agent"},
            )
        )
        version = answer["metadata"]["resourceVersion"]
        if int(version) > _version(self.pod):
            written = self.pod.metadata.model_copy(update={"resource_version": version})
            self.pod = self.pod.model_copy(update={"metadata": written, "status": status})

    async def _announce(self, pod: Pod) -> None:
        becomes_ready = pod.is_ready and not self.pod.is_ready
        if becomes_ready:
            self._node.progress(pod, Mark.READY)
        await self._node.traffic.announce(pod)
        if becomes_ready:
            self._node.progress(pod, Mark.PROGRAMMED)

    async def _read_again(self) -> None:
        """Somebody else wrote: take their version and try once more."""
        metadata = self.pod.metadata
        try:
            found = await self._node.client.find(Pod, metadata.name, metadata.namespace)
        except APIStatusError as err:
            log.warning("pod not read", pod=str(metadata.name), error=err.message)
            await self._node.clock.sleep(0.1)
        else:
            if found is None or found.metadata.uid != metadata.uid:
                self.gone = True
                return
            self.pod = found
        self.changed(urgent=True)


def _version(pod: Pod) -> int:
    version = pod.metadata.resource_version
    return int(version) if version.isdigit() else 0
