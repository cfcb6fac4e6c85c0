"""One Pod on this node, from its appearance to its disappearance."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any

import structlog

from wakeful.aio import Backoff, first_of, retry
from wakeful.apimachinery.errors import ConflictError, NotFoundError, WakefulError
from wakeful.apis.core.pod_ports import PORTS_ANNOTATION, actual_ports
from wakeful.apis.core.pod_types import Container, Pod, PodStatus
from wakeful.node.container import LAST_SECONDS, ContainerRunner
from wakeful.node.context import NodeContext
from wakeful.node.dns import make_resolv_conf
from wakeful.node.ending import GracePeriod
from wakeful.node.materials import Materials, Shared
from wakeful.node.ports import render_ports, wanted_ports
from wakeful.node.resting import RestKeeper
from wakeful.node.runtime import (
    ContainerStatus,
    SandboxConfig,
    SandboxStatus,
)
from wakeful.node.status import make_pod_status
from wakeful.node.statuswriter import StatusWriter
from wakeful.node.steps import PodSteps
from wakeful.node.volumes import remove_tree
from wakeful.node.zygote import ZygoteKeeper

log = structlog.get_logger("wakeful.node.worker")

_LAST_WRITE_SECONDS = 2.0
_DEADLINE_EXCEEDED = (
    "DeadlineExceeded",
    "Pod was active on the node longer than the specified deadline",
)


class PodWorker:
    """Owns a Pod's sandbox and its containers, and alone writes its status.

    Everything it knows is in the runtime or in the Pod's status, so another worker can take over at
    any time: after a failure of this one, or of the whole process.
    """

    def __init__(
        self, node: NodeContext, shared: Shared, pod: Pod, adopted: SandboxStatus | None = None
    ) -> None:
        self._node, self._shared, self._adopted = node, shared, adopted
        self._started_at = node.clock.now()
        self._status = StatusWriter(node, pod, self._compose)
        self._ip = ""
        self._materials: Materials | None = None
        self._init: list[ContainerRunner] = []
        self._main: list[ContainerRunner] = []
        self._steps: PodSteps | None = None
        self._prepared, self._stale = asyncio.Event(), asyncio.Event()
        self._failure: tuple[str, str] | None = None
        self._grace = GracePeriod(node.clock)
        self._grace.observe(pod)
        self._rest = RestKeeper(node, pod, self._status)
        self._zygote = ZygoteKeeper(node, shared.recipes, pod, self._status)

    @property
    def pod(self) -> Pod:
        """The newest version known."""
        return self._status.pod

    @property
    def uid(self) -> str:
        """The Pod's uid."""
        return self.pod.metadata.uid

    def update(self, pod: Pod) -> None:
        """Learn of a newer version of the object."""
        old = self.pod.metadata
        if not self._status.observe(pod):
            return
        self._grace.observe(pod)
        self._rest.observe(pod)
        self._zygote.observe(pod)
        if self._materials is not None:
            self._materials.pod = pod
        if self._steps is not None:
            self._steps.observe(pod)
        new = pod.metadata
        if old.labels != new.labels or old.annotations != new.annotations:
            self._stale.set()
        if pod.spec.readiness_gates:
            self._status.changed(urgent=True)

    def force(self) -> None:
        """The object is gone from the API: stop without further ceremony."""
        self._status.gone = True
        self._grace.cut()

    async def run(self) -> None:
        """Live until the Pod has ended for good, or is deleted and everything of it is gone.

        Cancellation: leaves the instance running, to be adopted by the next worker.
        """
        maps, secrets = Materials.sources(self.pod)
        namespace = self.pod.metadata.namespace
        told = self._on_source_change
        unsubscribe = self._shared.sources.subscribe(namespace, maps, secrets, told)
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._status.run(), name=f"status:{self.pod.key}")
                life = group.create_task(self._live(), name=f"pod:{self.pod.key}")
                await first_of(self._grace.begun.wait(), asyncio.wait([life]))
                if self._grace.begun.is_set():
                    await self._stop(life)
                    last_write = self._node.clock.sleep(_LAST_WRITE_SECONDS)
                    await first_of(self._status.settle(), last_write)
                writer.cancel()
        finally:
            unsubscribe()
        self._status.tell_events()
        await self._clear()
        if self._grace.begun.is_set():
            await self._leave()

    def _on_source_change(self) -> None:
        self._stale.set()
        if self._materials is not None:
            self._materials.changed.set()

    def _compose(self, pod: Pod) -> PodStatus | None:
        if not self._main:
            return None
        return make_pod_status(
            pod,
            [r.snapshot for r in self._init],
            [r.snapshot for r in self._main],
            pod_ip=self._ip,
            host_ip=self._node.identity.host_ip,
            started_at=self._started_at,
            now=self._node.clock.now(),
            failure=self._failure,
        )

    # --- living -----------------------------------------------------------------------------------

    async def _live(self) -> None:
        sandbox = await self._ensure_sandbox()
        if sandbox is None:
            return
        if sandbox.host_network and not self.pod.spec.host_network:
            await self._assign_ports()
        elif PORTS_ANNOTATION in self.pod.metadata.annotations:
            await self._tell_ports(None)
        self._make_runners(sandbox)
        self._prepared.set()
        async with asyncio.TaskGroup() as group:
            aside = [group.create_task(work) for work in self._work_aside()]
            await self._run_containers()
            for task in aside:
                task.cancel()
        if not self._grace.begun.is_set():
            self._status.changed(urgent=True)
            await self._status.settle()  # the sandbox goes next, and how it ended with it

    async def _ensure_sandbox(self) -> SandboxStatus | None:
        """Adopt the sandbox or make one; None when the Pod is to end before there is one."""

        async def ensure() -> SandboxStatus | None:
            if self._adopted is not None and self._is_broken(self._adopted):
                log.warning("sandbox has lost its network, making another", pod=str(self.pod.key))
                await self._node.runtime.remove_sandbox(self.uid)
                self._adopted = None
            if self._adopted is not None:
                return self._adopted
            if self._grace.begun.is_set():
                return None
            return await self._create_sandbox()

        def tell(err: Exception, delay: float) -> None:
            log.warning("sandbox not created", pod=str(self.pod.key), error=str(err))
            self._status.warning("FailedCreatePodSandBox", str(err))

        return await retry(
            ensure,
            WakefulError,
            backoff=Backoff(base=0.5, cap=30),
            tell=tell,
            clock=self._node.clock,
            hurry=self._grace.begun,
        )

    def _is_broken(self, sandbox: SandboxStatus) -> bool:
        shares = self.pod.spec.host_network or self._node.shares_host_network
        return sandbox.host_network and not shares

    async def _create_sandbox(self) -> SandboxStatus:
        pod = self.pod
        return await self._node.runtime.create_sandbox(
            SandboxConfig(
                id=self.uid,
                hostname=(pod.spec.hostname or pod.metadata.name)[:63],
                name=str(pod.key),
                host_network=pod.spec.host_network,
                host_aliases={a.ip: a.hostnames for a in pod.spec.host_aliases},
                resolv_conf=make_resolv_conf(pod, self._node.nameserver()),
                labels={"namespace": pod.metadata.namespace, "name": pod.metadata.name},
            )
        )

    async def _assign_ports(self) -> None:
        """Give the Pod ports of its own and tell everybody which."""
        told = actual_ports(self.pod)
        self._node.ports.restore(self.uid, told)
        ports = self._node.ports.assign(self.uid, wanted_ports(self.pod))
        if ports and ports != told:
            await self._tell_ports(render_ports(ports))

    async def _tell_ports(self, text: str | None) -> None:
        name, namespace = self.pod.metadata.name, self.pod.metadata.namespace
        patch = {"metadata": {"annotations": {PORTS_ANNOTATION: text}, "uid": self.uid}}
        try:
            self.update(await self._node.client.patch(Pod, name, namespace, patch))
        except (NotFoundError, ConflictError):
            return  # gone: the agent will tell

    def _make_runners(self, sandbox: SandboxStatus) -> None:
        pod = self.pod
        self._ip = self._node.identity.host_ip if pod.spec.host_network else sandbox.ip
        materials = Materials(self._node, self._shared, pod, self._ip)

        steps = self._steps = PodSteps.of(self._node, pod, materials, self._status)

        def runner(container: Container, *, init: bool = False) -> ContainerRunner:
            if steps is not None:
                return steps.runner(container, init=init)
            return ContainerRunner(
                self._node,
                pod,
                container,
                materials,
                self._status,
                init=init,
                rest=self._rest.rest,
                zygote=None if init else self._zygote.zygote_of(container),
            )

        self._init = [runner(c, init=True) for c in pod.spec.init_containers]
        self._main = [runner(c) for c in pod.spec.containers]
        self._materials = materials
        newest: dict[str, ContainerStatus] = {}
        for run in sandbox.containers:
            if run.name not in newest or run.attempt > newest[run.name].attempt:
                newest[run.name] = run
        status = pod.status
        prior = {s.name: s for s in (*status.init_container_statuses, *status.container_statuses)}
        for one in self._runners:
            name = one.snapshot.name
            one.resume(newest.get(name), prior.get(name), new_sandbox=self._adopted is None)
            if self._grace.begun.is_set():
                one.retire()
        if any(one.has_run for one in self._runners):
            materials.adopt()
            self._stale.set()

    @property
    def _runners(self) -> list[ContainerRunner]:
        return [*self._init, *self._main]

    async def _run_containers(self) -> None:
        """Init containers one after the other, then the others all at once."""
        async with asyncio.TaskGroup() as beside:
            if await self._initialize(beside):
                async with asyncio.TaskGroup() as group:
                    for runner in self._main:
                        group.create_task(runner.run(), name=f"container:{runner.snapshot.name}")
            await self._stop_runners([r for r in self._init if r.snapshot.sidecar])

    async def _initialize(self, beside: asyncio.TaskGroup) -> bool:
        """Run the init containers; False when the others must not start."""
        ran_before = all(r.is_over for r in self._main) or (
            self._adopted is not None and any(r.has_run for r in self._main)
        )
        for runner in self._init:
            if runner.snapshot.sidecar:
                task = beside.create_task(runner.run(), name=f"sidecar:{runner.snapshot.name}")
                await first_of(runner.up.wait(), asyncio.wait([task]))
                if task.done():
                    return False
            elif ran_before and not runner.has_run:
                continue  # it went before those that ran already
            elif await runner.run() != 0:
                return False
            self._status.changed(urgent=False)
        return True

    def _work_aside(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._rest.run()
        if self._materials is not None and self._materials.has_followed:
            yield self._refresh()
        if self.pod.spec.active_deadline_seconds is not None:
            yield self._expire(self.pod.spec.active_deadline_seconds)

    async def _refresh(self) -> None:
        """Keep projected volumes true: to their sources, and to the life of their tokens."""
        assert self._materials is not None
        materials = self._materials
        while True:
            materials.tokens_written.clear()
            waits: list[Coroutine[Any, Any, object]]
            waits = [self._stale.wait(), materials.tokens_written.wait()]
            if (left := materials.next_token()) is not None:
                waits.append(self._node.clock.sleep(max(1.0, left)))
            await first_of(*waits)
            if self._stale.is_set() or materials.next_token() == 0.0:
                self._stale.clear()
                await materials.refresh()

    async def _expire(self, deadline: int) -> None:
        """End the containers when the Pod has been active for ``deadline`` seconds."""
        begun = self.pod.status.start_time or self._started_at
        left = deadline - (self._node.clock.now() - begun).total_seconds()
        await self._node.clock.sleep(max(0.0, left))
        self._failure = _DEADLINE_EXCEEDED
        self._status.warning(*_DEADLINE_EXCEEDED)
        self._retire()
        await self._each(r.pre_stop(self._seconds_to_stop()) for r in self._runners)
        await self._stop_runners(self._runners)

    # --- ending -----------------------------------------------------------------------------------

    async def _stop(self, life: asyncio.Task[None]) -> None:
        """End the containers: traffic first, then the programs, all within the grace period."""
        await first_of(self._prepared.wait(), asyncio.wait([life]))
        self._retire()
        if not self._status.gone and any(r.is_running for r in self._main):
            names = ", ".join(r.snapshot.name for r in self._main)
            self._status.normal("Killing", f"Stopping container {names}")
        if not life.done() and not await self._grace.within(self._wind_down()):
            log.info("instance still in use at the end of its grace period", pod=str(self.pod.key))
        await self._grace.within(self._terminate(life), extra_seconds=LAST_SECONDS + 1)
        if not life.done():
            await self._node.runtime.remove_sandbox(self.uid)
            await first_of(asyncio.wait([life]), self._node.clock.sleep(LAST_SECONDS))
        if not life.done():
            life.cancel("pod deleted")
            await asyncio.wait([life])

    def _retire(self) -> None:
        for runner in self._runners:
            runner.retire()

    async def _wind_down(self) -> None:
        """Wait until nothing is sent here any more, and for the hooks before the end."""
        await self._node.traffic.drained(self.pod)
        await self._each(r.pre_stop(self._grace.left()) for r in self._runners)

    async def _terminate(self, life: asyncio.Task[None]) -> None:
        await self._stop_runners([r for r in self._runners if not r.snapshot.sidecar])
        await asyncio.wait([life])  # sidecars end after those they serve

    async def _stop_runners(self, runners: Iterable[ContainerRunner]) -> None:
        seconds = self._seconds_to_stop()
        await self._each(r.stop(seconds) for r in runners)

    def _seconds_to_stop(self) -> float:
        if self._grace.begun.is_set():
            return self._grace.left()
        grace = self.pod.spec.termination_grace_period_seconds
        return 30.0 if grace is None else float(grace)

    async def _each(self, steps: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Do all at once; what one container refuses does not keep the others."""
        for result in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(result, WakefulError):
                log.warning("container not stopped", pod=str(self.pod.key), error=str(result))
            elif isinstance(result, BaseException):
                raise result

    async def _clear(self) -> None:
        """Free what the Pod holds on this node; its logs stay."""
        await self._node.runtime.remove_sandbox(self.uid)
        for container in (*self.pod.spec.init_containers, *self.pod.spec.containers):
            self._node.images.release(self._node.image_holder(self.uid, container.name))
        self._node.ports.release(self.uid)
        self._shared.volumes.release(self.uid)

    async def _leave(self) -> None:
        """Let the object go, and with it the Pod's directory."""
        if not self._status.gone:
            name, namespace = self.pod.metadata.name, self.pod.metadata.namespace
            try:
                await self._node.client.delete(
                    Pod, name, namespace, uid=self.uid, grace_period_seconds=0
                )
            except (NotFoundError, ConflictError):
                log.debug("pod is gone already", pod=str(self.pod.key))
        await remove_tree(self._node.pod_dir(self.uid))
