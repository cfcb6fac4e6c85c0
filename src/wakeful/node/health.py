"""The probes and hooks of one container, over one of its runs."""

from __future__ import annotations

import asyncio

import structlog

from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_types import Container, LifecycleHandler, Pod, Probe
from wakeful.autoscaler.coldstart import Mark
from wakeful.node.context import NodeContext
from wakeful.node.listening import Looks, explain_misplaced, explain_refusal, listeners_of
from wakeful.node.probes import (
    Attempt,
    Prober,
    ProbeState,
    Timing,
    Verdict,
    attempt_within,
    boot_interval,
)
from wakeful.node.runtime import ContainerStatus
from wakeful.node.status import ContainerSnapshot
from wakeful.node.statuswriter import Report

log = structlog.get_logger("wakeful.node.health")

_HOOK_SECONDS = 120.0


class Rest:
    """Whether the Pod's processes are stopped where they are: nobody is to be asked then."""

    def __init__(self) -> None:
        self.begun, self.over = asyncio.Event(), asyncio.Event()
        self.over.set()
        self.is_first = True
        """Nobody has rested yet: a program that was just started may need time to boot."""

    def begin(self) -> None:
        """Stop asking."""
        self.is_first = False
        self.over.clear()
        self.begun.set()

    def end(self) -> None:
        """Ask again, from the beginning."""
        self.begun.clear()
        self.over.set()


class Health:
    """Keeps ``ready`` and ``started`` of a snapshot true, and ends what is not alive."""

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        prober: Prober,
        snapshot: ContainerSnapshot,
        report: Report,
        rest: Rest,
    ) -> None:
        self._rest = rest
        self._node, self._pod, self._container = node, pod, container
        self._prober, self._snapshot, self._report = prober, snapshot, report

    async def watch(self, run: ContainerStatus, up: asyncio.Event, *, fresh: bool) -> None:
        """Probe one run until cancelled; ``fresh`` when it was started just now.

        ``up`` is set once it has started.
        """
        container, snapshot = self._container, self._snapshot
        hook = container.lifecycle.post_start if container.lifecycle else None
        if hook is not None and fresh and not await self._post_start(hook, run):
            return
        if container.startup_probe is not None and not snapshot.started:
            await self._until_started(container.startup_probe, run)
        snapshot.started = True
        up.set()
        while True:
            await self._rest.over.wait()
            if container.readiness_probe is None:
                snapshot.ready = True
            self._report.changed(urgent=snapshot.ready)
            await self._probe_until_rest(run)
            snapshot.ready = False
            self._report.changed(urgent=True)

    async def _probe_until_rest(self, run: ContainerStatus) -> None:
        readiness, liveness = self._container.readiness_probe, self._container.liveness_probe
        async with asyncio.TaskGroup() as group:
            tasks = []
            if readiness is not None:
                tasks.append(group.create_task(self._watch_readiness(readiness, run)))
            if liveness is not None:
                tasks.append(group.create_task(self._watch_liveness(liveness, run)))
            await self._rest.begun.wait()
            for task in tasks:
                task.cancel()

    async def run_hook(self, hook: LifecycleHandler, run: ContainerStatus, limit: float) -> Attempt:
        """Carry out a hook once, within ``limit`` seconds."""
        if hook.sleep is not None:
            await self._node.clock.sleep(min(limit, float(hook.sleep.seconds)))
            return Attempt(True)
        return await attempt_within(limit, self._prober.prepare(hook, self._container, run.id))

    async def _post_start(self, hook: LifecycleHandler, run: ContainerStatus) -> bool:
        result = await self.run_hook(hook, run, _HOOK_SECONDS)
        if not result.success:
            self._report.warning("FailedPostStartHook", f"PostStartHook failed: {result.output}")
            await self._stop(run, None)
        return result.success

    async def _until_started(self, probe: Probe, run: ContainerStatus) -> None:
        """Ask eagerly, but count failures by the probe's own period: that is the time it grants."""
        timing, state = Timing.of(probe), ProbeState.of(probe)
        attempt = self._prober.prepare(probe, self._container, run.id)
        clock = self._node.clock
        await clock.sleep(timing.initial_delay)
        begun = counted_until = clock.monotonic()
        tries, looks = 0, Looks()
        while True:
            result = await attempt_within(timing.timeout, attempt)
            tries += 1
            now = clock.monotonic()
            if result.success or now >= counted_until:
                verdict = state.observe(result.success)
                counted_until = max(now, counted_until + timing.period)
                if verdict is Verdict.PASSED:
                    return
                if verdict is Verdict.FAILED:
                    await self._kill(run, "Startup", probe, result)
            self._look(looks, "Startup", result, run, now - begun)
            pause = boot_interval(tries, now - begun, timing.period, spawns=probe.exec is not None)
            await clock.sleep(pause)

    async def _watch_readiness(self, probe: Probe, run: ContainerStatus) -> None:
        timing, state = Timing.of(probe), ProbeState.of(probe)
        attempt = self._prober.prepare(probe, self._container, run.id)
        clock, snapshot = self._node.clock, self._snapshot
        if self._rest.is_first:
            await clock.sleep(timing.initial_delay)
        begun, tries, told = clock.monotonic(), 0, 0.0
        was_ready, looks = snapshot.ready, Looks()
        while True:
            result = await attempt_within(timing.timeout, attempt)
            tries += 1
            elapsed = clock.monotonic() - begun
            if result.success and not was_ready:
                self._node.progress(self._pod, Mark.ANSWERING)
            verdict = state.observe(result.success)
            if verdict is Verdict.PASSED and not snapshot.ready:
                snapshot.ready = was_ready = True
                self._report.changed(urgent=True)
            elif verdict is Verdict.FAILED and snapshot.ready:
                snapshot.ready = False
                self._report.changed(urgent=True)
            if not result.success and (was_ready or elapsed - told >= timing.period):
                told = elapsed
                text = _failure("Readiness", result, run, booting=not was_ready)
                self._report.warning("Unhealthy", text)
            elif not was_ready:
                self._look(looks, "Readiness", result, run, elapsed)
            spawns = probe.exec is not None
            await clock.sleep(
                timing.period
                if was_ready
                else boot_interval(tries, elapsed, timing.period, spawns=spawns)
            )

    def _look(
        self, looks: Looks, kind: str, result: Attempt, run: ContainerStatus, elapsed: float
    ) -> None:
        """Tell early of a program that listens, but not where it is asked."""
        if not result.refused_port or run.pid is None or not looks.is_due(elapsed):
            return
        why = explain_misplaced(listeners_of(run.pid) or (), result.refused_port)
        if looks.is_news(why):
            self._report.warning("Unhealthy", _failure(kind, result, run, booting=True))

    async def _watch_liveness(self, probe: Probe, run: ContainerStatus) -> None:
        timing, state = Timing.of(probe), ProbeState.of(probe)
        attempt = self._prober.prepare(probe, self._container, run.id)
        await self._node.clock.sleep(timing.initial_delay)
        while True:
            result = await attempt_within(timing.timeout, attempt)
            if not result.success:
                self._report.warning("Unhealthy", _failure("Liveness", result, run))
            if state.observe(result.success) is Verdict.FAILED:
                await self._kill(run, "Liveness", probe, result)
            await self._node.clock.sleep(timing.period)

    async def _kill(self, run: ContainerStatus, kind: str, probe: Probe, result: Attempt) -> None:
        if kind == "Startup":
            self._report.warning("Unhealthy", _failure("Startup", result, run))
        self._report.normal(
            "Killing",
            f"Container {self._container.name} failed {kind.lower()} probe, will be restarted",
        )
        await self._stop(run, probe.termination_grace_period_seconds)

    async def _stop(self, run: ContainerStatus, grace_seconds: int | None) -> None:
        if grace_seconds is None:
            grace_seconds = self._pod.spec.termination_grace_period_seconds
        grace = 30.0 if grace_seconds is None else float(grace_seconds)
        try:
            await self._node.runtime.stop_container(run.id, grace_seconds=grace)
        except WakefulError as err:
            log.warning("unhealthy container not stopped", container=run.id, error=str(err))


def _failure(kind: str, result: Attempt, run: ContainerStatus, *, booting: bool = False) -> str:
    """What went wrong, and why nobody answered as far as it can be seen from outside.

    A program that is ``booting`` may yet listen elsewhere.
    """
    text = f"{kind} probe failed: {result.output}"
    if not result.refused_port or run.pid is None:
        return text
    listeners = listeners_of(run.pid)
    why = "" if listeners is None else explain_refusal(listeners, result.refused_port)
    provisional = "so far " if booting and listeners else ""
    return f"{text}; {provisional}{why}" if why else text
