"""The agent: one worker for every Pod that is bound to this node."""

from __future__ import annotations

import asyncio

import structlog

from wakeful.aio import Lifetime
from wakeful.apis.core.pod_types import Pod
from wakeful.client import Change, Informer
from wakeful.node.context import NodeContext, NodeIdentity
from wakeful.node.heartbeat import Heartbeat
from wakeful.node.materials import TokenCache
from wakeful.node.runtime import SandboxStatus
from wakeful.node.worker import PodWorker

log = structlog.get_logger("wakeful.node.agent")


class NodeAgent:
    """Watches Pods and owns their workers; a component for ``supervise``.

    When it drains, instances go on running: the next agent adopts them by their uid.
    """

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._tokens = TokenCache(node)
        self._workers: dict[str, PodWorker] = {}
        self._pods = Informer(
            node.client, Pod, fields=f"spec.nodeName={node.identity.name}", clock=node.clock
        )
        self._heartbeat = Heartbeat(node)

    @property
    def name(self) -> str:
        """Name of the component."""
        return "node-agent"

    async def run(self, life: Lifetime) -> None:
        """Adopt what runs, then follow the Pods of this node until draining."""
        await self._node.runtime.start()
        try:
            async with asyncio.TaskGroup() as group:
                await self._heartbeat.register()
                work = group.create_task(self._work(life), name="node-agent:work")
                await life.draining.wait()
                work.cancel("draining")
        finally:
            await self._node.runtime.aclose()

    async def _work(self, life: Lifetime) -> None:
        adoptable = {s.id: s for s in await self._node.runtime.sandboxes()}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pods.run(), name=self._pods.name)
            group.create_task(self._heartbeat.run(), name="node-agent:heartbeat")
            await self._pods.synced.wait()
            await self._remove_orphans(adoptable)

            def on_change(change: Change[Pod]) -> None:
                self._on_change(change, group, adoptable)

            self._pods.add_handler(on_change)
            life.started.set()

    async def _remove_orphans(self, adoptable: dict[str, SandboxStatus]) -> None:
        """End sandboxes whose Pod was deleted while nobody looked."""
        wanted = {pod.metadata.uid for pod in self._pods.list()}
        for uid in [uid for uid in adoptable if uid not in wanted]:
            log.info("removing orphaned sandbox", sandbox=uid, pod=adoptable[uid].config.name)
            del adoptable[uid]
            await self._node.runtime.remove_sandbox(uid)

    def _on_change(
        self,
        change: Change[Pod],
        group: asyncio.TaskGroup,
        adoptable: dict[str, SandboxStatus],
    ) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            worker = self._workers.get(old.metadata.uid)
            if worker is not None:
                worker.force()
        if new is None:
            return
        worker = self._workers.get(new.metadata.uid)
        if worker is not None:
            worker.update(new)
        elif not new.is_finished or new.is_deleting:
            uid = new.metadata.uid
            worker = PodWorker(self._node, self._tokens, new, adoptable.pop(uid, None))
            self._workers[uid] = worker
            group.create_task(self._own(worker), name=f"worker:{new.key}")

    async def _own(self, worker: PodWorker) -> None:
        """Run one worker; its failure is this Pod's alone."""
        try:
            await worker.run()
        except Exception:
            log.exception("pod worker crashed", pod=worker.uid)
        finally:
            self._workers.pop(worker.uid, None)


__all__ = ["NodeAgent", "NodeContext", "NodeIdentity"]
