"""One container of a Pod through all its runs: image, start, probes, end, restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from wakeful.apis.core.pod_types import Container, Pod, Probe
from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.node.context import NodeContext
from wakeful.node.environment import ContainerConfigError
from wakeful.node.logs import log_tail
from wakeful.node.materials import Materials
from wakeful.node.plan import pull_policy
from wakeful.node.probes import (
    EAGER_SECONDS,
    Attempt,
    Prober,
    ProbeState,
    Timing,
    Verdict,
    attempt_within,
    eager_interval,
)
from wakeful.node.restart import CrashBackoff, should_restart
from wakeful.node.runtime import (
    ContainerNotFoundError,
    ContainerStartError,
    ContainerState,
    ContainerStatus,
    RuntimeOperationError,
)
from wakeful.node.status import ContainerSnapshot, running, terminated, waiting
from wakeful.oci import RootfsPlan
from wakeful.oci.errors import ImageError, ImageNotPresentError, InvalidReferenceError

log = structlog.get_logger("wakeful.node.container")

_CONFIG_RETRY_SECONDS = 2.0
_START_FAILED = 128


class ContainerRunner:
    """Keeps one container running as its Pod asks.

    ``changed`` is called after every change of :attr:`snapshot`; its argument says whether somebody
    may be waiting for it (readiness) or it can be written together with what follows.
    """

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        changed: Callable[[bool], None],
        *,
        init: bool = False,
    ) -> None:
        self._node, self._pod, self._container = node, pod, container
        self._materials, self._changed, self._init = materials, changed, init
        self._policy = pod.spec.restart_policy or "Always"
        if init and self._policy == "Always":
            self._policy = "OnFailure"
        self._backoff = CrashBackoff()
        self._current: ContainerStatus | None = None
        self._adopted: ContainerStatus | None = None
        self._stopping = False
        self._attempt = 0
        self._prober = Prober(node.runtime, materials.facts.pod_ip)
        self.snapshot = ContainerSnapshot(container.name, container.image)

    def adopt(self, run: ContainerStatus, prior: PriorStatus | None) -> None:
        """Take over a run of a former agent; ``prior`` is what it last told the API."""
        self._adopted = run
        self._attempt = run.attempt
        self.snapshot.restart_count = run.attempt
        if prior is not None:
            self.snapshot.restart_count = max(run.attempt, prior.restart_count or 0)
            self.snapshot.image_id = prior.image_id
            self.snapshot.last_state = prior.last_state
            if prior.container_id == self._id(run) and run.state is ContainerState.RUNNING:
                self.snapshot.ready = bool(prior.ready)
                self.snapshot.started = bool(prior.started)

    async def run(self) -> int:
        """Run until the container has ended for good; return its exit code.

        Cancellation: the program goes on; only the agent's interest in it ends.
        """
        while True:
            if self._adopted is not None:
                started, self._adopted = self._adopted, None
            else:
                found = await self._start()
                if found is None:
                    continue
                started = found
            code, lasted = await self._live(started)
            if self._stopping or not should_restart(self._policy, code):
                self.snapshot.final = True
                self._changed(True)
                return code
            await self._wait_to_restart(code, lasted)
            self._attempt += 1
            self.snapshot.restart_count += 1

    async def stop(self, grace_seconds: float) -> None:
        """End the current run; :meth:`run` then returns. For Pods that are going away."""
        self._stopping = True
        current = self._current
        if current is None:
            return
        hook = self._container.lifecycle.pre_stop if self._container.lifecycle else None
        begun = self._node.clock.monotonic()
        if hook is not None:
            probe = Probe(exec=hook.exec, http_get=hook.http_get, tcp_socket=hook.tcp_socket)
            attempt = self._prober.prepare(probe, self._container, current.id)
            await attempt_within(grace_seconds, attempt)
        left = max(1.0, grace_seconds - (self._node.clock.monotonic() - begun))
        try:
            await self._node.runtime.stop_container(current.id, grace_seconds=left)
        except ContainerNotFoundError:
            return

    # --- starting ---------------------------------------------------------------------------------

    async def _start(self) -> ContainerStatus | None:
        """Start one run, or explain in the snapshot why not, wait, and return None."""
        plan = await self._image()
        if plan is None:
            return None
        try:
            config = await self._materials.configure(self._container, plan, self._attempt)
            run = await self._node.runtime.start_container(self._pod.metadata.uid, config)
        except (ContainerConfigError, ContainerStartError) as err:
            reason = err.reason
            self._set_waiting(reason, str(err))
            self._node.recorder.warning(self._pod, "Failed", f"Error: {err}")
            await self._node.clock.sleep(_CONFIG_RETRY_SECONDS)
            return None
        self._node.recorder.normal(
            self._pod, "Started", f"Started container {self._container.name}"
        )
        return run

    async def _image(self) -> RootfsPlan | None:
        image = self._container.image
        try:
            plan = await self._node.images.provide(
                image,
                policy=pull_policy(self._container),
                keychain=await self._materials.keychain(),
            )
        except ImageError as err:
            reason, again = _image_reasons(err)
            self._set_waiting(reason, str(err))
            self._node.recorder.warning(
                self._pod, "Failed", f'Failed to pull image "{image}": {err}'
            )
            delay = self._backoff.next_delay(0) or 5.0
            await self._node.clock.sleep(1.0)
            self._set_waiting(again, f'Back-off pulling image "{image}": {reason}: {err}')
            await self._node.clock.sleep(delay)
            return None
        self.snapshot.image_id = f"{image.split('@')[0]}@{plan.digest}"
        return plan

    def _set_waiting(self, reason: str, message: str) -> None:
        self.snapshot.state = waiting(reason, message)
        self.snapshot.ready = self.snapshot.started = False
        self._changed(True)

    # --- one run ----------------------------------------------------------------------------------

    async def _live(self, run: ContainerStatus) -> tuple[int, float]:
        """Follow one run to its end; return exit code and how long it lasted in seconds."""
        self._current = run
        self.snapshot.container_id = self._id(run)
        if run.state is ContainerState.RUNNING:
            self.snapshot.state = running(run.started_at)
            self._changed(False)
        try:
            final = await self._follow(run)
        finally:
            self._current = None
        return self._ended(final)

    async def _follow(self, run: ContainerStatus) -> ContainerStatus:
        if run.state is not ContainerState.RUNNING:
            return run
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._probe(run), name=f"probe:{run.id}")
            try:
                final = await self._node.runtime.wait_container(run.id)
            finally:
                probing.cancel()
        return final

    def _ended(self, final: ContainerStatus) -> tuple[int, float]:
        finished = final.finished_at or self._node.clock.now()
        code = final.exit_code if final.exit_code is not None else _START_FAILED
        reason = "Completed" if code == 0 else "Error"
        message = self._materials.termination_message(self._container, final.attempt)
        if final.oom_killed:
            reason = "OOMKilled"
        elif final.start_error:
            reason, message, code = "StartError", final.start_error, _START_FAILED
        elif final.state is ContainerState.UNKNOWN:
            reason, code = "ContainerStatusUnknown", 137
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
        self._changed(True)
        return code, _seconds(final.started_at, finished)

    async def _wait_to_restart(self, code: int, lasted: float) -> None:
        self.snapshot.last_state = self.snapshot.state
        delay = self._backoff.next_delay(lasted)
        log.info(
            "container ended, restarting",
            pod=str(self._pod.key),
            container=self._container.name,
            exit_code=code,
            delay_seconds=delay,
        )
        if not delay:
            return
        name = self._container.name
        text = f"back-off {delay:g}s restarting failed container={name} pod={self._pod.key}"
        self._set_waiting("CrashLoopBackOff", text)
        self._node.recorder.warning(
            self._pod, "BackOff", f"Back-off restarting failed container {name}"
        )
        await self._node.clock.sleep(delay)

    # --- probes -----------------------------------------------------------------------------------

    async def _probe(self, run: ContainerStatus) -> None:
        container = self._container
        if container.startup_probe is not None and not self.snapshot.started:
            await self._until_started(container.startup_probe, run)
        self.snapshot.started = True
        if container.readiness_probe is None:
            self.snapshot.ready = True
        self._changed(self.snapshot.ready)
        async with asyncio.TaskGroup() as group:
            if container.readiness_probe is not None:
                group.create_task(self._watch_readiness(container.readiness_probe, run))
            if container.liveness_probe is not None:
                group.create_task(self._watch_liveness(container.liveness_probe, run))

    async def _until_started(self, probe: Probe, run: ContainerStatus) -> None:
        timing = Timing.of(probe)
        state = ProbeState(probe.success_threshold or 1, probe.failure_threshold or 3)
        attempt = self._prober.prepare(probe, self._container, run.id)
        await self._node.clock.sleep(timing.initial_delay)
        while True:
            result = await attempt_within(timing.timeout, attempt)
            verdict = state.observe(result.success)
            if verdict is Verdict.PASSED:
                return
            if verdict is Verdict.FAILED:
                await self._kill(run, "Startup", result)
            await self._node.clock.sleep(timing.period)

    async def _watch_readiness(self, probe: Probe, run: ContainerStatus) -> None:
        timing = Timing.of(probe)
        state = ProbeState(probe.success_threshold or 1, probe.failure_threshold or 3)
        attempt = self._prober.prepare(probe, self._container, run.id)
        await self._node.clock.sleep(timing.initial_delay)
        begun, tries, told = self._node.clock.monotonic(), 0, False
        while True:
            result = await attempt_within(timing.timeout, attempt)
            tries += 1
            verdict = state.observe(result.success)
            if verdict is Verdict.PASSED and not self.snapshot.ready:
                self.snapshot.ready = True
                self._changed(True)
            elif verdict is Verdict.FAILED and self.snapshot.ready:
                self.snapshot.ready = False
                self._changed(True)
            eager = not self.snapshot.ready and self._node.clock.monotonic() - begun < EAGER_SECONDS
            if not result.success and not eager and not told:
                told = True
                self._node.recorder.warning(
                    self._pod, "Unhealthy", f"Readiness probe failed: {result.output}"
                )
            await self._node.clock.sleep(eager_interval(tries) if eager else timing.period)

    async def _watch_liveness(self, probe: Probe, run: ContainerStatus) -> None:
        timing = Timing.of(probe)
        state = ProbeState(probe.success_threshold or 1, probe.failure_threshold or 3)
        attempt = self._prober.prepare(probe, self._container, run.id)
        await self._node.clock.sleep(timing.initial_delay)
        while True:
            result = await attempt_within(timing.timeout, attempt)
            if state.observe(result.success) is Verdict.FAILED:
                await self._kill(run, "Liveness", result)
            await self._node.clock.sleep(timing.period)

    async def _kill(self, run: ContainerStatus, probe: str, result: Attempt) -> None:
        name = self._container.name
        self._node.recorder.warning(
            self._pod, "Unhealthy", f"{probe} probe failed: {result.output}"
        )
        self._node.recorder.normal(
            self._pod,
            "Killing",
            f"Container {name} failed {probe.lower()} probe, will be restarted",
        )
        grace = float(self._pod.spec.termination_grace_period_seconds or 30)
        try:
            await self._node.runtime.stop_container(run.id, grace_seconds=grace)
        except RuntimeOperationError as err:
            log.warning("unhealthy container not stopped", container=run.id, error=str(err))

    def _id(self, run: ContainerStatus) -> str:
        return f"{self._node.runtime.describe().name}://{run.id}"


def _image_reasons(err: ImageError) -> tuple[str, str]:
    if isinstance(err, InvalidReferenceError):
        return "InvalidImageName", "InvalidImageName"
    if isinstance(err, ImageNotPresentError):
        return "ErrImageNeverPull", "ErrImageNeverPull"
    return "ErrImagePull", "ImagePullBackOff"


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
