"""One container of a Pod through all its runs: image, start, end, restart."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from wakeful.aio import Backoff, first_of
from wakeful.apimachinery.errors import APIStatusError, WakefulError
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.autoscaler.coldstart import Mark
from wakeful.node.context import NodeContext
from wakeful.node.environment import ContainerConfigError
from wakeful.node.health import Health, Rest
from wakeful.node.materials import Materials
from wakeful.node.plan import stop_signal
from wakeful.node.probes import Prober
from wakeful.node.pulling import ImageFinder, pull_reasons
from wakeful.node.restart import START_FAILED, CrashBackoff, ended_run, judge_end, should_restart
from wakeful.node.runtime import (
    ContainerConfig,
    ContainerNotFoundError,
    ContainerStartError,
    ContainerState,
    ContainerStatus,
    SandboxNotFoundError,
)
from wakeful.node.status import ContainerSnapshot, running, terminated, waiting
from wakeful.node.statuswriter import Report
from wakeful.node.zygote import ContainerZygote
from wakeful.oci import RootfsPlan
from wakeful.oci.errors import ImageError
from wakeful.procd.logreader import log_tail, remove_log

log = structlog.get_logger("wakeful.node.container")

LAST_SECONDS = 2.0
"""What a program gets between the signal to end and SIGKILL even when its time is over."""


class ContainerRunner:
    """Keeps one container running as its Pod asks; what it does shows in :attr:`snapshot`."""

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        report: Report,
        *,
        init: bool = False,
        rest: Rest | None = None,
        zygote: ContainerZygote | None = None,
    ) -> None:
        self._rest, self._zygote = rest or Rest(), zygote
        self._node, self._pod, self._container = node, pod, container
        self._materials, self._report, self._init = materials, report, init
        self._images = ImageFinder(node, pod, container, materials, report)
        sidecar = init and container.restart_policy == "Always"
        self._policy = pod.spec.restart_policy or "Always"
        if sidecar:
            self._policy = "Always"
        elif init and self._policy == "Always":
            self._policy = "OnFailure"
        self._crashes = CrashBackoff()
        self._pulls = Backoff(base=2, cap=300, jitter=0)
        self._problems = Backoff(base=1, cap=30, jitter=0)
        self._retired = asyncio.Event()
        self._adopted: ContainerStatus | None = None
        self._current: ContainerStatus | None = None
        self._former: ContainerStatus | None = None
        self._image_signal = "SIGTERM"
        self._attempt = 0
        self.up = asyncio.Event()
        """Set once it has started, by its startup probe if there is one."""
        first = "PodInitializing" if pod.spec.init_containers and not init else "ContainerCreating"
        self.snapshot = ContainerSnapshot(
            container.name, container.image, state=waiting(first), sidecar=sidecar
        )

    def resume(
        self, run: ContainerStatus | None, prior: PriorStatus | None, *, new_sandbox: bool
    ) -> None:
        """Take over from a former agent: the run that is there, and what the API was last told.

        A run that is lost, with its sandbox or without, counts as ended in a way nobody knows.
        """
        snapshot = self.snapshot
        if prior is not None:
            self._attempt = snapshot.restart_count = prior.restart_count or 0
            snapshot.image_id, snapshot.last_state = prior.image_id, prior.last_state
            snapshot.container_id = prior.container_id
            snapshot.state = prior.state or snapshot.state
        if run is not None:
            self._adopted = run
            self._attempt = snapshot.restart_count = max(run.attempt, self._attempt)
            same = prior is not None and prior.container_id == self._id(run)
            if prior is not None and same and run.state is ContainerState.RUNNING:
                snapshot.ready, snapshot.started = bool(prior.ready), bool(prior.started)
            elif not same:
                snapshot.state = waiting("ContainerCreating")
        elif prior is not None and prior.container_id:
            path = self._node.log_path(self._pod.metadata.uid, prior.name, self._attempt)
            lost = ended_run(prior, self._pod.metadata.uid, path)
            if lost is None or (self._init and new_sandbox):
                self._attempt = snapshot.restart_count = self._attempt + 1
            else:
                self._adopted = lost

    @property
    def has_run(self) -> bool:
        """Whether there is a run of a former agent to go on from."""
        return self._adopted is not None

    @property
    def is_running(self) -> bool:
        """Whether there is a program to be stopped."""
        return self._current is not None

    @property
    def is_over(self) -> bool:
        """Whether the run of a former agent was the last one."""
        run = self._adopted
        if run is None or run.state is ContainerState.RUNNING:
            return False
        code = START_FAILED if run.exit_code is None else run.exit_code
        return not should_restart(self._policy, code)

    async def run(self) -> int | None:
        """Run until the container has ended for good; return its exit code.

        None when it was retired before it started. A failure of the runtime as a whole is raised.

        Cancellation: the program goes on; only the agent's interest in it ends.
        """
        while self._adopted is not None or not self._retired.is_set():
            fresh = self._adopted is None
            run, self._adopted = self._adopted, None
            if run is None:
                run = await self._start()
            if run is None:
                continue
            code, lasted = await self._live(run, fresh=fresh)
            if self._retired.is_set() or not should_restart(self._policy, code):
                self.snapshot.final = True
                self._report.changed(urgent=True)
                return code
            self._report.changed(urgent=True)
            await self._wait_to_restart(code, lasted)
            self._former = run
            self._attempt += 1
        self._give_up()
        return None

    # --- ending -----------------------------------------------------------------------------------

    def retire(self) -> None:
        """Start no further run; wake up from whatever is waited for."""
        self._retired.set()

    async def pre_stop(self, limit_seconds: float) -> None:
        """Carry out the hook that comes before the signal to end."""
        hook = self._container.lifecycle.pre_stop if self._container.lifecycle else None
        if hook is None or self._current is None:
            return
        result = await self._health().run_hook(hook, self._current, limit_seconds)
        if not result.success:
            self._report.warning("FailedPreStopHook", f"PreStopHook failed: {result.output}")

    async def stop(self, grace_seconds: float) -> None:
        """End the current run and all that could follow; :meth:`run` then returns."""
        self.retire()
        current = self._current
        if current is not None:
            number = stop_signal(self._container, self._image_signal)
            try:
                await self._node.runtime.stop_container(
                    current.id, grace_seconds=max(LAST_SECONDS, grace_seconds), first=number
                )
            except ContainerNotFoundError:
                return

    def _give_up(self) -> None:
        """Retired between two runs, or before the first: the last run, if any, was the last."""
        last = self.snapshot.last_state
        if last is not None and last.terminated is not None:
            self.snapshot.state, self.snapshot.final = last, True
            self._report.changed(urgent=True)

    # --- starting ---------------------------------------------------------------------------------

    async def _start(self) -> ContainerStatus | None:
        """Start one run, or explain in the snapshot why not, wait, and return None."""
        self._materials.changed.clear()
        try:
            plan = await self._image()
            if plan is None or self._retired.is_set():
                return None
            config = await self._configure(plan)
            starter = self._zygote.start if self._zygote else self._node.runtime.start_container
            run = await starter(self._pod.metadata.uid, config)
        except SandboxNotFoundError:
            raise
        except (ContainerConfigError, ContainerStartError) as err:
            await self._explain(err.reason, str(err))
            return None
        except APIStatusError as err:
            await self._explain("CreateContainerConfigError", err.message)
            return None
        except (WakefulError, OSError) as err:
            await self._explain("CreateContainerError", str(err))
            return None
        self._node.progress(self._pod, Mark.RUNNING)
        if not self._init:
            self._node.traffic.expect(self._materials.pod_at_address())
        self._pulls.reset()
        self._problems.reset()
        self._report.normal("Started", f"Started container {self._container.name}")
        return run

    async def _configure(self, plan: RootfsPlan) -> ContainerConfig:
        return await self._materials.configure(self._container, plan, self._attempt)

    async def _explain(self, reason: str, message: str) -> None:
        self._set_waiting(reason, message)
        self._report.warning("Failed", f"Error: {message}")
        await self._pause(self._problems.next(), or_change=True)

    async def _image(self) -> RootfsPlan | None:
        image = self._container.image
        try:
            plan = await self._images.find(self.snapshot.image_id)
        except ImageError as err:
            reason, again = pull_reasons(err)
            self._set_waiting(reason, str(err))
            self._report.warning("Failed", f'Failed to pull image "{image}": {err}')
            delay = self._pulls.next()
            await self._pause(min(1.0, delay), or_change=True)
            self._set_waiting(again, f'Back-off pulling image "{image}": {reason}: {err}')
            await self._pause(delay, or_change=True)
            return None
        self._image_signal = plan.stop_signal
        if plan.stand_in and not self._attempt:
            self._report.normal(
                "StandIn",
                f'Image "{image}" is not on this machine; {plan.stand_in} stands in for it',
            )
        self.snapshot.image_id = f"{image.split('@')[0]}@{plan.digest}"
        return plan

    def _set_waiting(self, reason: str, message: str) -> None:
        self.snapshot.state = waiting(reason, message)
        self.snapshot.ready = self.snapshot.started = False
        self._report.changed(urgent=True)

    async def _pause(self, seconds: float, *, or_change: bool = False) -> None:
        """Wait, unless the container is retired or, if asked, what it reads has changed."""
        waits: list[Coroutine[Any, Any, object]]
        waits = [self._node.clock.sleep(seconds), self._retired.wait()]
        if or_change:
            waits.append(self._materials.changed.wait())
        await first_of(*waits)

    # --- one run ----------------------------------------------------------------------------------

    def _health(self) -> Health:
        prober = Prober(
            self._node.runtime,
            self._materials.facts.pod_ip,
            self._node.ports.of(self._pod.metadata.uid),
        )
        return Health(
            self._node,
            self._pod,
            self._container,
            prober,
            self.snapshot,
            self._report,
            self._rest,
        )

    async def _live(self, run: ContainerStatus, *, fresh: bool) -> tuple[int, float]:
        """Follow one run to its end; return exit code and how long it lasted in seconds."""
        snapshot = self.snapshot
        self._attempt = max(self._attempt, run.attempt)
        snapshot.restart_count = self._attempt
        snapshot.container_id = self._id(run)
        if run.state is ContainerState.RUNNING:
            self._current = run
            snapshot.state = running(run.started_at)
            self._report.changed(urgent=False)
        await self._tidy()
        try:
            final = await self._follow(run, fresh=fresh)
        finally:
            self._current = None
            self.up.clear()
        return self._ended(final)

    async def _follow(self, run: ContainerStatus, *, fresh: bool) -> ContainerStatus:
        if run.state is not ContainerState.RUNNING:
            return run
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(self._watch(run, fresh=fresh), name=f"probe:{run.id}")]
            if fresh and self._retired.is_set():  # asked to end while it was being started
                watching.append(group.create_task(self.stop(LAST_SECONDS)))
            final = await self._node.runtime.wait_container(run.id)
            for task in watching:
                task.cancel()
        return final

    async def _watch(self, run: ContainerStatus, *, fresh: bool) -> None:
        watch = partial(self._health().watch, run, self.up, fresh=fresh)
        if self._zygote is None:
            await watch()
            return

        async def configure() -> ContainerConfig:
            return await self._configure(await self._images.find(self.snapshot.image_id))

        await self._zygote.guide(
            run,
            watch,
            fresh=fresh,
            configure=configure,
            changed=self._materials.changed,
            is_ready=lambda: bool(self.snapshot.ready),
        )

    async def _tidy(self) -> None:
        """Forget the run before, and the logs of the one before that."""
        former, self._former = self._former, None
        if former is None:
            return
        try:
            await self._node.runtime.remove_container(former.id)
        except WakefulError as err:
            log.debug("former run not removed", container=former.id, error=str(err))
        if former.attempt:
            uid = self._pod.metadata.uid
            remove_log(self._node.log_path(uid, former.name, former.attempt - 1))

    def _ended(self, final: ContainerStatus) -> tuple[int, float]:
        finished = final.finished_at or self._node.clock.now()
        left = self._materials.termination_message(self._container, final.attempt)
        code, reason, message = judge_end(final, left)
        policy = self._container.termination_message_policy
        if not message and code != 0 and policy == "FallbackToLogsOnError":
            message = log_tail(final.log_path, lines=80, limit_bytes=2048)
        self.snapshot.state = terminated(
            exit_code=code,
            signal=final.signal,
            reason=reason,
            message=message,
            started_at=final.started_at,
            finished_at=finished,
            container_id=self._id(final),
        )
        self.snapshot.ready = self.snapshot.started = False
        return code, _seconds(final.started_at, finished)

    async def _wait_to_restart(self, code: int, lasted: float) -> None:
        self.snapshot.last_state = self.snapshot.state
        renewed = self._zygote is not None and self._zygote.is_renewed
        delay = 0.0 if renewed else self._crashes.next_delay(lasted)
        name = self._container.name
        log.info(
            "container ended, restarting",
            pod=str(self._pod.key),
            container=name,
            exit_code=code,
            delay_seconds=delay,
        )
        if delay:
            text = f"back-off {delay:g}s restarting failed container={name} pod={self._pod.key}"
            self._set_waiting("CrashLoopBackOff", text)
            self._report.warning("BackOff", f"Back-off restarting failed container {name}")
            await self._pause(delay)

    def _id(self, run: ContainerStatus) -> str:
        return self._prefixed(run.id)

    def _prefixed(self, run_id: str) -> str:
        prefix = f"{self._node.runtime.describe().name}://"
        return run_id if run_id.startswith(prefix) else prefix + run_id


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
