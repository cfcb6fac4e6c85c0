"""The agent: one worker for every Pod that is bound to this node."""

from __future__ import annotations

import asyncio

import structlog

from wakeful.aio import Backoff, Lifetime, retry
from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_ports import actual_ports
from wakeful.apis.core.pod_types import Pod
from wakeful.client import Change, Informer
from wakeful.node.context import NodeContext, NodeIdentity
from wakeful.node.heartbeat import Heartbeat
from wakeful.node.materials import Shared
from wakeful.node.runtime import SandboxNotFoundError, SandboxStatus
from wakeful.node.sharedvolumes import SharedVolumes
from wakeful.node.sources import Sources
from wakeful.node.tokens import TokenCache
from wakeful.node.volumes import remove_tree
from wakeful.node.worker import PodWorker
from wakeful.node.zygote import RecipeStore

log = structlog.get_logger("wakeful.node.agent")

_FORGIVEN_SECONDS = 60.0


class NodeAgent:
    """Watches Pods and owns their workers; a component for ``supervise``.

    When it drains, instances go on running: the next agent adopts them by their uid.
    """

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        tokens, sources = TokenCache(node), Sources(node.client, node.clock)
        sources.on_account_gone(tokens.forget)
        self._shared = Shared(
            tokens, sources, SharedVolumes(node, tokens, sources), RecipeStore(node.recipes_dir)
        )
        self._workers: dict[str, PodWorker] = {}
        self._pods = Informer(
            node.client, Pod, fields=f"spec.nodeName={node.identity.name}", clock=node.clock
        )
        self._heartbeat = Heartbeat(node)
        self._ending = False

    @property
    def name(self) -> str:
        """Name of the component."""
        return "node-agent"

    def end_instances(self) -> None:
        """Have instances ended, and the host as it was, when the agent drains."""
        self._ending = True

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
            self._node.adopted.clear()
            if self._ending:
                await self._node.runtime.shutdown()
            else:
                await self._node.runtime.aclose()

    async def _work(self, life: Lifetime) -> None:
        adoptable = {s.id: s for s in await self._node.runtime.sandboxes()}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pods.run(), name=self._pods.name)
            group.create_task(self._shared.sources.run(), name="node-agent:sources")
            group.create_task(self._shared.volumes.run(), name="node-agent:volumes")
            group.create_task(self._heartbeat.run(), name="node-agent:heartbeat")
            await self._pods.synced.wait()
            self._sweep(group, adoptable)

            def on_change(change: Change[Pod]) -> None:
                self._on_change(change, group, adoptable)

            self._pods.add_handler(on_change)
            self._node.adopted.set()
            life.started.set()

    # --- what a former agent left -----------------------------------------------------------------

    def _sweep(self, group: asyncio.TaskGroup, adoptable: dict[str, SandboxStatus]) -> None:
        """Free what belongs to Pods that ended or were deleted while nobody looked."""
        pods = {pod.metadata.uid: pod for pod in self._pods.list()}
        living = {uid for uid, pod in pods.items() if not pod.is_finished or pod.is_deleting}
        for uid in adoptable.keys() - living:
            sandbox = adoptable.pop(uid)
            group.create_task(self._remove_orphan(sandbox), name=f"orphan:{uid}")
        for holder in list(self._node.images.holders()):
            user = self._node.uid_of_holder(holder)
            if user is not None and user not in living:
                self._node.images.release(holder)
        if self._node.pods_dir.is_dir():
            for folder in self._node.pods_dir.iterdir():
                if folder.name not in pods and folder != self._node.shared_dir:
                    group.create_task(remove_tree(folder), name=f"orphan:{folder.name}")
        group.create_task(self._shared.volumes.sweep(pods.values()), name="orphan:volumes")
        for uid in adoptable.keys() & living:
            if adoptable[uid].host_network:  # before anybody else is given the same
                self._node.ports.restore(uid, actual_ports(pods[uid]))

    async def _remove_orphan(self, sandbox: SandboxStatus) -> None:
        log.info("removing orphaned sandbox", sandbox=sandbox.id, pod=sandbox.config.name)
        try:
            await self._node.runtime.remove_sandbox(sandbox.id)
        except WakefulError as err:
            log.warning("orphaned sandbox not removed", sandbox=sandbox.id, error=str(err))

    # --- changes ----------------------------------------------------------------------------------

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
            else:
                folder = self._node.pod_dir(old.metadata.uid)
                group.create_task(remove_tree(folder), name=f"forget:{old.key}")
        if new is None:
            return
        worker = self._workers.get(new.metadata.uid)
        if worker is not None:
            worker.update(new)
        elif not new.is_finished or new.is_deleting:
            worker = PodWorker(self._node, self._shared, new, adoptable.pop(new.metadata.uid, None))
            self._workers[new.metadata.uid] = worker
            group.create_task(self._own(worker), name=f"worker:{new.key}")

    async def _own(self, worker: PodWorker) -> None:
        """Run workers for one Pod until one comes to its end; a failure is this Pod's alone."""
        uid = worker.uid
        failed: PodWorker | None = None

        async def run() -> None:
            nonlocal worker, failed
            if failed is not None:
                self._workers[uid] = worker = await self._successor(failed)
            failed = worker
            await worker.run()

        def tell(err: Exception, delay: float) -> None:
            log.error("pod worker failed", pod=str(worker.pod.key), exc_info=err)
            self._node.recorder.warning(
                worker.pod, "FailedSync", f"error syncing pod, will try again: {err}"
            )

        try:
            await retry(
                run,
                Exception,
                backoff=Backoff(base=0.2, cap=30),
                tell=tell,
                clock=self._node.clock,
                steady_seconds=_FORGIVEN_SECONDS,
            )
        finally:
            self._workers.pop(uid, None)

    async def _successor(self, failed: PodWorker) -> PodWorker:
        """Another worker for the same Pod, which goes on from what there is."""
        worker = PodWorker(
            self._node, self._shared, failed.pod, await self._find_sandbox(failed.uid)
        )
        current = self._pods.get(failed.pod.metadata.name, failed.pod.metadata.namespace)
        if current is None or current.metadata.uid != failed.uid:
            worker.force()
        else:
            worker.update(current)
        return worker

    async def _find_sandbox(self, uid: str) -> SandboxStatus | None:
        async def find() -> SandboxStatus | None:
            try:
                return await self._node.runtime.sandbox(uid)
            except SandboxNotFoundError:
                return None

        def tell(err: Exception, delay: float) -> None:
            log.warning("runtime does not answer", error=str(err))

        backoff = Backoff(base=1, cap=10)
        return await retry(find, WakefulError, backoff=backoff, tell=tell, clock=self._node.clock)


__all__ = ["NodeAgent", "NodeContext", "NodeIdentity"]
