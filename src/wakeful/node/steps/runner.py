"""One step: it waits for its turn, runs, and tells what came out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from wakeful.aio import first_of
from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.apis.core.pod_types import Pod
from wakeful.node.container import ContainerRunner
from wakeful.node.context import NodeContext
from wakeful.node.environment import ContainerConfigError
from wakeful.node.materials import Materials
from wakeful.node.restart import ended_run
from wakeful.node.runtime import ContainerConfig, ContainerState, ContainerStatus
from wakeful.node.status import running, terminated
from wakeful.node.statuswriter import Report
from wakeful.node.steps import outcomes
from wakeful.node.steps.board import StepBoard, Turn
from wakeful.node.steps.conditions import allows
from wakeful.node.steps.credentials import add_credentials
from wakeful.node.steps.outcomes import CANCELLED, TIMED_OUT, Ending
from wakeful.node.steps.plan import PlannedStep
from wakeful.node.steps.record import StepOutcome
from wakeful.node.steps.volumes import StepFiles, append_log
from wakeful.oci import RootfsPlan
from wakeful.pipelines.cel import CELError
from wakeful.pipelines.entrypoint import (
    ResultKind,
    RunResult,
    StepResultError,
    StepResults,
    parse_message,
    substitute,
    substitute_artifacts,
    substitute_words,
)
from wakeful.pipelines.entrypoint import layout as at

log = structlog.get_logger("wakeful.node.steps")

_ATTEMPT = 0
"""Steps are not restarted: a retry of the TaskRun is another Pod."""
_COPIED_LOG_BYTES = 64 * 1024 * 1024


class _Patient:
    """A report for which only the last step's end is urgent.

    The next step does not wait for the status of the one before it, and a status with many steps
    is large: short steps are told of together.
    """

    def __init__(self, report: Report, *, is_last: bool) -> None:
        self._report, self._is_last = report, is_last

    def changed(self, *, urgent: bool) -> None:
        self._report.changed(urgent=urgent and self._is_last)

    def normal(self, reason: str, message: str) -> None:
        self._report.normal(reason, message)

    def warning(self, reason: str, message: str) -> None:
        self._report.warning(reason, message)


class StepRunner(ContainerRunner):
    """Runs a step's program when its turn has come, in place of Tekton's entrypoint.

    While it waits, the container shows as running, as it would be with the entrypoint in it.
    """

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        step: PlannedStep,
        materials: Materials,
        report: Report,
        board: StepBoard,
    ) -> None:
        is_last = step.index == len(board.plan.steps) - 1
        super().__init__(node, pod, step.container, materials, _Patient(report, is_last=is_last))
        self._step, self._board = step, board
        self._files = StepFiles(materials, board.plan, step)
        self._outcome = board.records.outcome(step.name)
        self._interrupted = ""
        self._image_plan: RootfsPlan | None = None
        self._log_path = node.log_path(pod.metadata.uid, step.name, _ATTEMPT)

    # --- taking over ------------------------------------------------------------------------------

    def resume(
        self, run: ContainerStatus | None, prior: PriorStatus | None, *, new_sandbox: bool
    ) -> None:
        """Take over: a step that has ended stays ended, one that waited goes on waiting.

        One that was started, and of which there is nothing left, is lost.
        """
        if self._outcome is not None:
            return
        if run is not None:
            super().resume(run, prior, new_sandbox=new_sandbox)
            return
        if prior is not None:
            self.snapshot.image_id = prior.image_id
        if self._board.records.was_started(self._step.name):
            self._adopted = self._lost(prior)

    def _lost(self, prior: PriorStatus | None) -> ContainerStatus:
        uid = self._pod.metadata.uid
        if prior is not None and prior.container_id:
            found = ended_run(prior, uid, self._log_path)
            if found is not None and found.state is ContainerState.UNKNOWN:
                return found
        return ContainerStatus(
            id=self._run_id,
            sandbox_id=uid,
            name=self._step.name,
            attempt=_ATTEMPT,
            state=ContainerState.UNKNOWN,
            pid=None,
            started_at=self._node.clock.now(),
            log_path=self._log_path,
        )

    @property
    def has_run(self) -> bool:
        """Whether there is a run of a former agent to go on from."""
        return self._outcome is not None or super().has_run

    @property
    def is_over(self) -> bool:
        """Whether it has ended before."""
        return self._outcome is not None or super().is_over

    @property
    def _run_id(self) -> str:
        return f"{self._pod.metadata.uid}/{self._step.name}/{_ATTEMPT}"

    # --- life -------------------------------------------------------------------------------------

    async def run(self) -> int | None:
        """Wait for the turn, run, and end for good; return the exit code."""
        if self._outcome is None and self._adopted is None:
            ending = await self._until_turn()
            if ending is not None:
                await self._conclude(ending)
        if self._outcome is None:
            return await super().run()
        await self._settle(self._outcome)
        self.snapshot.final = True
        self._report.changed(urgent=True)
        return self._outcome.exit_code

    async def _settle(self, outcome: StepOutcome) -> None:
        """Show how the step ended, and have its files there, as they were to be."""
        await self._files.prepare()
        await self._files.leave(None, passed=outcome.passed)
        self._show(outcome)

    async def _until_turn(self) -> Ending | None:
        """Wait for the turn; an ending when the step is not to run at all."""
        await self._have_image()
        await self._files.prepare()
        waits = self._step.waits_for is not None or self._step.waits_for_ready
        if waits and not self._retired.is_set():
            self._show_waiting()
        turn = asyncio.ensure_future(self._board.turn(self._step))
        try:
            await first_of(asyncio.wait([turn]), self._retired.wait())
            decided = turn.result() if turn.done() else Turn.CANCEL
        finally:
            turn.cancel()
        now, image = self._node.clock.now(), self.snapshot.image_id
        if decided is Turn.SKIP:
            why = "Skipping step because a previous step failed"
            return outcomes.skipped(now, image, why=why)
        if decided is Turn.CANCEL or self._retired.is_set():
            return outcomes.skipped(now, image, why="Step was cancelled before it began")
        try:
            wanted = not self._step.arguments.when or await self._is_wanted()
        except CELError as err:
            return outcomes.skipped(now, image, why=f"Error evaluating when expressions: {err}")
        return None if wanted else outcomes.passed_over(now, image)

    async def _have_image(self) -> None:
        """Fetch the image before it is needed, so that a missing one shows at once."""
        while not self._retired.is_set() and await self._image() is None:
            log.debug("image of a step is missing", step=self._step.name)

    async def _image(self) -> RootfsPlan | None:
        if self._image_plan is None:
            self._image_plan = await super()._image()
        return self._image_plan

    def _show_waiting(self) -> None:
        snapshot = self.snapshot
        snapshot.container_id = self._prefixed(self._run_id)
        snapshot.state = running(self._node.clock.now())
        snapshot.ready = snapshot.started = True
        append_log(self._log_path, (), self._node.clock.now)
        self._report.changed(urgent=False)

    async def _is_wanted(self) -> bool:
        try:
            return allows(self._step.arguments.when, await self._files.earlier())
        except StepResultError as err:
            self._complain(f"Error while substituting step results: {err}")
            return allows(self._step.arguments.when, None)

    def _complain(self, text: str) -> None:
        append_log(self._log_path, (text,), self._node.clock.now)

    # --- starting ---------------------------------------------------------------------------------

    async def _configure(self, plan: RootfsPlan) -> ContainerConfig:
        container = self._step.resolved(plan)
        if not container.command:
            raise ContainerConfigError(f"no command specified for container {container.name!r}")
        config = await self._materials.configure(container, plan, _ATTEMPT)
        config = await add_credentials(self._step, config, self._materials, self._node)
        alone = config.env.get(at.HERMETIC_VARIABLE) == "1"
        config = replace(await self._substituted(config), scratch_root=True, no_network=alone)
        if self._step.arguments.stdout_path or self._step.arguments.stderr_path:
            policy = replace(config.log, max_bytes=_COPIED_LOG_BYTES)
            config = replace(config, log=policy)
        self._board.records.mark_started(self._step.name)
        return config

    async def _substituted(self, config: ContainerConfig) -> ContainerConfig:
        """Put the results of earlier steps where they are referred to.

        After the expansion of ``$(NAME)``, so that nothing in a result is expanded.
        """
        results = await self._files.earlier()
        try:
            argv = await self._with_script(substitute_words(config.argv, results), results)
            return replace(
                config,
                argv=argv,
                env={name: substitute(value, results) for name, value in config.env.items()},
            )
        except StepResultError as err:
            self._complain(f"Error while substituting step results: {err}")
            return config

    async def _with_script(self, argv: list[str], results: StepResults) -> list[str]:
        """Have a script that refers to artifacts replaced by one that has them in it."""
        script = next((s for s in self._board.plan.scripts if argv and s.path == argv[0]), None)
        text = substitute_artifacts(script.text, results) if script is not None else ""
        if script is None or text == script.text:
            return argv
        path = f"{script.path}-resolved"
        await self._files.write(path, text.encode(), mode=0o755)
        return [path, *argv[1:]]

    # --- one run ----------------------------------------------------------------------------------

    async def _follow(self, run: ContainerStatus, *, fresh: bool) -> ContainerStatus:
        following = asyncio.ensure_future(super()._follow(run, fresh=fresh))
        try:
            await first_of(asyncio.wait([following]), self._interrupt(run))
            final = await following
        finally:
            following.cancel()
        if final.state is ContainerState.RUNNING:
            return final
        problems = await self._files.copy_output(final.log_path)  # which may be a result
        results = [*self._told(), *await self._files.results()]
        ending = outcomes.ended(
            self._step.arguments,
            final,
            results,
            now=self._node.clock.now(),
            image_id=self.snapshot.image_id,
            interrupted=self._interrupted,
        )
        await self._conclude(replace(ending, log_lines=[*problems, *ending.log_lines]))
        return final

    def _told(self) -> list[RunResult]:
        """What the program itself told of PipelineResources, where it tells what it did."""
        text = self._materials.termination_message(self._container, _ATTEMPT)
        found = parse_message(text) if text else None
        return [r for r in found or () if r.resource and r.kind is ResultKind.UNKNOWN]

    async def _interrupt(self, run: ContainerStatus) -> None:
        """Kill the program when its time is over or nobody wants it; returns only then."""
        limit = self._step.arguments.timeout
        waits: list[Coroutine[Any, Any, object]] = [self._board.cancelled.wait()]
        if limit is not None:
            left = (run.started_at + limit - self._node.clock.now()).total_seconds()
            waits.append(self._node.clock.sleep(max(0.0, left)))
        await first_of(*waits)
        self._interrupted = CANCELLED if self._board.cancelled.is_set() else TIMED_OUT
        try:
            await self._node.runtime.kill_container(run.id)
        except WakefulError as err:
            log.warning("step not killed", container=run.id, error=str(err))

    async def _conclude(self, ending: Ending) -> None:
        """Write down how the step ended, then let later ones know."""
        outcome = ending.outcome
        if ending.log_lines:
            append_log(self._log_path, ending.log_lines, self._node.clock.now)
        await self._files.prepare()
        self._board.records.save(self._step.name, outcome)
        await self._files.leave(ending.exit_code_file, passed=outcome.passed)
        self._outcome = outcome
        self._board.end(self._step, outcome)

    def _ended(self, final: ContainerStatus) -> tuple[int, float]:
        outcome = self._outcome
        if outcome is None:
            return super()._ended(final)
        self._show(outcome)
        return outcome.exit_code, (outcome.finished_at - outcome.started_at).total_seconds()

    def _show(self, outcome: StepOutcome) -> None:
        snapshot = self.snapshot
        snapshot.container_id = self._prefixed(self._run_id)
        snapshot.image_id = snapshot.image_id or outcome.image_id
        snapshot.state = terminated(
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            reason=outcome.reason,
            message=outcome.message,
            started_at=outcome.started_at,
            finished_at=outcome.finished_at,
            container_id=snapshot.container_id,
        )
        snapshot.ready = snapshot.started = False
