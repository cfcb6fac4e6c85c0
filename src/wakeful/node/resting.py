"""Stops a Pod's processes where they are, and lets them go on, as an annotation says."""

from __future__ import annotations

import asyncio

import structlog

from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_types import FROZEN_ANNOTATION, Pod
from wakeful.autoscaler.coldstart import Mark
from wakeful.node.context import NodeContext
from wakeful.node.health import Rest
from wakeful.node.statuswriter import Report

log = structlog.get_logger("wakeful.node.resting")

LINGER_SECONDS = 0.25
"""Between not being ready any more and being stopped, to answer what was sent before."""


class RestKeeper:
    """Owns the frozen state of one Pod; :meth:`run` acts on what :meth:`observe` saw."""

    def __init__(self, node: NodeContext, pod: Pod, report: Report) -> None:
        self.rest = Rest()
        self._node, self._pod, self._report = node, pod, report
        self._uid = pod.metadata.uid
        self._wanted, self._changed = False, asyncio.Event()
        self.observe(pod)
        if self._wanted:
            self.rest.begin()  # as a former agent left it

    def observe(self, pod: Pod) -> None:
        """Learn of a version of the Pod."""
        wanted = FROZEN_ANNOTATION in pod.metadata.annotations
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await (self._freeze() if self._wanted else self._thaw())
            except WakefulError as err:
                log.warning("instance neither frozen nor thawed", pod=self._uid, error=str(err))
                self._report.warning("FailedFreeze", str(err))
                self.rest.end()

    async def _freeze(self) -> None:
        if not self._node.runtime.describe().can_freeze:
            self._report.warning("FailedFreeze", "this machine has no control groups to freeze by")
            self.rest.end()
            return
        self.rest.begin()
        await self._node.clock.sleep(LINGER_SECONDS)
        if self._wanted:
            await self._node.runtime.freeze(self._uid)
            self._report.normal("Frozen", "Stopped all processes where they are")
            self._report.changed(urgent=False)  # which has the event written

    async def _thaw(self) -> None:
        await self._node.runtime.thaw(self._uid)
        self._node.progress(self._pod, Mark.THAWED)
        self.rest.end()
