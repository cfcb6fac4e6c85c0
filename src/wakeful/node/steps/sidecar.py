"""A container beside the steps: it runs until its image is replaced, which is how it is told."""

from __future__ import annotations

import asyncio

import structlog

from wakeful.aio import first_of
from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.node.container import ContainerRunner
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials
from wakeful.node.runtime import ContainerState, ContainerStatus
from wakeful.node.status import terminated
from wakeful.node.statuswriter import Report

log = structlog.get_logger("wakeful.node.steps")

_GRACE_SECONDS = 5.0


class SidecarRunner(ContainerRunner):
    """Runs a sidecar of a TaskRun.

    A kubelet starts a container anew when its image changes; the image that Tekton puts in ends at
    once, without an error. So here a sidecar whose image changes is ended, and has succeeded.
    """

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        report: Report,
    ) -> None:
        super().__init__(node, pod, container, materials, report)
        self._dismissed = asyncio.Event()

    def resume(
        self, run: ContainerStatus | None, prior: PriorStatus | None, *, new_sandbox: bool
    ) -> None:
        """Take over; the status tells which image it had."""
        super().resume(run, prior, new_sandbox=new_sandbox)
        if prior is not None and prior.image and prior.image != self._container.image:
            self.snapshot.image = prior.image
            self._dismissed.set()

    def observe(self, pod: Pod) -> None:
        """Look at a version of the Pod."""
        for container in pod.spec.containers:
            if container.name == self._container.name and container.image != self._container.image:
                self._dismissed.set()

    async def run(self) -> int | None:
        """Run until it ends, or is dismissed."""
        if self._adopted is None and self._dismissed.is_set():
            self._retired.set()
        waiting = asyncio.ensure_future(self._retire_when_dismissed())
        try:
            code = await super().run()
        finally:
            waiting.cancel()
        if code is None and self._dismissed.is_set():
            self._show_success(None)
            self.snapshot.final = True
            self._report.changed(urgent=True)
            return 0
        return code

    async def _retire_when_dismissed(self) -> None:
        await self._dismissed.wait()
        self.retire()

    async def _follow(self, run: ContainerStatus, *, fresh: bool) -> ContainerStatus:
        following = asyncio.ensure_future(super()._follow(run, fresh=fresh))
        try:
            await first_of(asyncio.wait([following]), self._end_when_dismissed(run))
            return await following
        finally:
            following.cancel()

    async def _end_when_dismissed(self, run: ContainerStatus) -> None:
        await self._dismissed.wait()
        try:
            await self._node.runtime.stop_container(run.id, grace_seconds=_GRACE_SECONDS)
        except WakefulError as err:
            log.warning("sidecar not stopped", container=run.id, error=str(err))

    def _ended(self, final: ContainerStatus) -> tuple[int, float]:
        code, lasted = super()._ended(final)
        if not self._dismissed.is_set() or final.state is ContainerState.UNKNOWN:
            return code, lasted
        self._show_success(final)
        return 0, lasted

    def _show_success(self, final: ContainerStatus | None) -> None:
        now = self._node.clock.now()
        self.snapshot.state = terminated(
            exit_code=0,
            signal=None,
            reason="Completed",
            message="",
            started_at=final.started_at if final is not None else now,
            finished_at=final.finished_at or now if final is not None else now,
            container_id=self.snapshot.container_id,
        )
        self.snapshot.ready = self.snapshot.started = False
