"""One Pod on this node, from its appearance to its disappearance."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.container import ContainerRunner
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials, TokenCache
from wakeful.node.runtime import (
    ContainerStatus,
    RuntimeOperationError,
    SandboxConfig,
    SandboxStatus,
)
from wakeful.node.status import make_pod_status
from wakeful.node.volumes import remove_tree

log = structlog.get_logger("wakeful.node.worker")

_COALESCE_SECONDS = 0.03
"""How long a change nobody waits for may be held back, to be written with the next one."""


class PodWorker:
    """Owns a Pod's sandbox and its containers, and alone writes its status."""

    def __init__(
        self,
        node: NodeContext,
        tokens: TokenCache,
        pod: Pod,
        adopted: SandboxStatus | None = None,
    ) -> None:
        self._node, self._tokens, self._pod, self._adopted = node, tokens, pod, adopted
        self._started_at = node.clock.now()
        self._sandbox: SandboxStatus | None = adopted
        self._init: list[ContainerRunner] = []
        self._main: list[ContainerRunner] = []
        self._deleting = asyncio.Event()
        self._dirty, self._urgent = asyncio.Event(), asyncio.Event()
        self._failure: tuple[str, str] | None = None
        self._log = log.bind(pod=str(pod.key))
        if pod.is_deleting:
            self._deleting.set()

    @property
    def uid(self) -> str:
        """The Pod's uid."""
        return self._pod.metadata.uid

    def update(self, pod: Pod) -> None:
        """Learn of a newer version of the object."""
        self._pod = pod
        if pod.is_deleting:
            self._deleting.set()

    def force(self) -> None:
        """The object is gone from the API: stop without further ceremony."""
        self._pod = self._pod.model_copy(
            update={
                "metadata": self._pod.metadata.model_copy(
                    update={"deletion_grace_period_seconds": 0}
                )
            }
        )
        self._deleting.set()

    async def run(self) -> None:
        """Live until the Pod is deleted and everything of it is gone.

        Cancellation: leaves the instance running, to be adopted by the next agent.
        """
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write_statuses(), name=f"status:{self._pod.key}")
            life = group.create_task(self._live(), name=f"pod:{self._pod.key}")
            await self._deleting.wait()
            await self._stop(life)
            writer.cancel()
        await self._leave()

    # --- living -----------------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            try:
                await self._ensure_sandbox()
                break
            except RuntimeOperationError as err:
                self._log.warning("sandbox not created", error=str(err))
                self._node.recorder.warning(self._pod, "FailedCreatePodSandBox", str(err))
                await self._node.clock.sleep(1.0)
        deadline = self._pod.spec.active_deadline_seconds
        if deadline is None:
            await self._run_containers()
        else:
            begun = self._pod.status.start_time or self._started_at
            left = deadline - (self._node.clock.now() - begun).total_seconds()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await self._run_containers()
            except TimeoutError:
                self._failure = (
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline",
                )
                await self._stop_containers(self._grace())
        self._changed(True)
        await self._node.runtime.remove_sandbox(self.uid)

    async def _ensure_sandbox(self) -> None:
        pod = self._pod
        if self._sandbox is None:
            self._sandbox = await self._node.runtime.create_sandbox(
                SandboxConfig(
                    id=self.uid,
                    hostname=(pod.spec.hostname or pod.metadata.name)[:63],
                    name=str(pod.key),
                    host_network=pod.spec.host_network,
                    host_aliases={a.ip: a.hostnames for a in pod.spec.host_aliases},
                    labels={"namespace": pod.metadata.namespace, "name": pod.metadata.name},
                )
            )
        materials = Materials(self._node, self._tokens, pod, self._sandbox.ip)
        self._init = [self._runner(c, materials, init=True) for c in pod.spec.init_containers]
        self._main = [self._runner(c, materials) for c in pod.spec.containers]
        if self._adopted is not None:
            self._adopt(self._adopted)

    def _runner(
        self, container: Container, materials: Materials, *, init: bool = False
    ) -> ContainerRunner:
        return ContainerRunner(
            self._node, self._pod, container, materials, self._changed, init=init
        )

    def _adopt(self, sandbox: SandboxStatus) -> None:
        newest: dict[str, ContainerStatus] = {}
        for run in sandbox.containers:
            if run.name not in newest or run.attempt > newest[run.name].attempt:
                newest[run.name] = run
        status = self._pod.status
        prior = {s.name: s for s in (*status.init_container_statuses, *status.container_statuses)}
        for runner in (*self._init, *self._main):
            name = runner.snapshot.name
            if name in newest:
                runner.adopt(newest[name], prior.get(name))

    async def _run_containers(self) -> None:
        for runner in self._init:
            if await runner.run() != 0:
                return
            self._changed(False)
        async with asyncio.TaskGroup() as group:
            for runner in self._main:
                group.create_task(runner.run(), name=f"container:{runner.snapshot.name}")

    # --- ending -----------------------------------------------------------------------------------

    def _grace(self) -> float:
        metadata, spec = self._pod.metadata, self._pod.spec
        if metadata.deletion_grace_period_seconds is not None:
            return float(metadata.deletion_grace_period_seconds)
        grace = spec.termination_grace_period_seconds
        return float(30 if grace is None else grace)

    async def _stop(self, life: asyncio.Task[None]) -> None:
        """End the containers: traffic first, then the programs."""
        grace = self._grace()
        if any(r.snapshot.ready for r in self._main):
            self._node.recorder.normal(
                self._pod,
                "Killing",
                "Stopping container " + ", ".join(r.snapshot.name for r in self._main),
            )
        begun = self._node.clock.monotonic()
        if self._main and grace > 0:
            try:
                async with asyncio.timeout(grace):
                    await self._node.drain.drained(self._pod)
            except TimeoutError:
                self._log.warning("instance still in use at the end of its grace period")
        left = max(1.0, grace - (self._node.clock.monotonic() - begun))
        await self._stop_containers(left)
        _, late = await asyncio.wait([life], timeout=1.0)
        if late:
            life.cancel("pod deleted")
            await asyncio.wait([life])

    async def _stop_containers(self, grace: float) -> None:
        runners = [*self._init, *self._main]
        stops: list[Coroutine[Any, Any, None]] = [r.stop(grace) for r in runners]
        for result in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(result, RuntimeOperationError):
                self._log.warning("container not stopped", error=str(result))
            elif isinstance(result, BaseException):
                raise result

    async def _leave(self) -> None:
        """Free the node's resources, then let the object go."""
        await self._node.runtime.remove_sandbox(self.uid)
        try:
            await self._node.client.delete(
                Pod,
                self._pod.metadata.name,
                self._pod.metadata.namespace,
                uid=self.uid,
                grace_period_seconds=0,
            )
        except APIStatusError as err:
            if not isinstance(err, NotFoundError):
                self._log.warning("deleted pod not removed", error=err.message)
        await remove_tree(self._node.pod_dir(self.uid))

    # --- status -----------------------------------------------------------------------------------

    def _changed(self, urgent: bool) -> None:
        self._dirty.set()
        if urgent:
            self._urgent.set()

    async def _write_statuses(self) -> None:
        while True:
            await self._dirty.wait()
            if not self._urgent.is_set():
                try:
                    async with asyncio.timeout(_COALESCE_SECONDS):
                        await self._urgent.wait()
                except TimeoutError:
                    pass
            self._dirty.clear()
            self._urgent.clear()
            try:
                await self._write_status()
            except NotFoundError:
                continue  # deleted: the agent will tell
            except APIStatusError as err:
                self._log.warning("pod status not written", error=err.message)
                await self._node.clock.sleep(0.2)
                self._dirty.set()

    async def _write_status(self) -> None:
        if self._sandbox is None:
            return
        status = make_pod_status(
            self._pod,
            [r.snapshot for r in self._init],
            [r.snapshot for r in self._main],
            pod_ip=self._sandbox.ip,
            host_ip=self._node.identity.host_ip,
            started_at=self._started_at,
            now=self._node.clock.now(),
            failure=self._failure,
        )
        if status == self._pod.status:
            return
        metadata = self._pod.metadata.model_copy(
            update={"resource_version": "", "managed_fields": []}
        )
        pod = self._pod.model_copy(update={"metadata": metadata, "status": status})
        written = await self._node.client.update_status(pod)
        if written.metadata.uid == self.uid:
            self._pod = written
            if written.is_deleting:
                self._deleting.set()
