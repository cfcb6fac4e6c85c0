"""One look at a HorizontalPodAutoscaler: measure, decide, scale, report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.errors import APIStatusError, BadRequestError, TerminalError
from wakeful.apimachinery.labels import Selector, parse_selector
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.autoscaler.behavior import Behavior, Memory, pace
from wakeful.autoscaler.explain import ExplainReport
from wakeful.autoscaler.horizontal import MetricsUnavailableError, PodState, Proposal, propose
from wakeful.autoscaler.horizontal_explain import Look, LookHistory
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.autoscaling.horizontal.conditions import (
    ABLE_TO_SCALE,
    LIMITED,
    SCALING_ACTIVE,
    SCALING_LIMITED,
    STABILIZED,
    mark,
)
from wakeful.reconciler.autoscaling.horizontal.metrics import make_status, parse_target
from wakeful.reconciler.autoscaling.horizontal.pods import MeasuredPods
from wakeful.reconciler.autoscaling.target import ScaleTargets, TargetScale

LOOK_SECONDS = 5.0
"""Between two looks. Kubernetes takes 15 s, as often as its figures are new; ours are every 5 s."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one autoscaler."""

    generation: int = 0
    looked_at: float = float("-inf")
    memory: Memory = field(default_factory=Memory)
    history: LookHistory = field(default_factory=LookHistory)


@dataclass(slots=True)
class _Answers:
    """What the metrics said."""

    proposals: list[Proposal] = field(default_factory=list)
    failures: list[MetricsUnavailableError] = field(default_factory=list)

    @property
    def best(self) -> Proposal | None:
        """The largest answer; where some metric has none, only one that does not shrink."""
        return max(self.proposals, key=lambda p: p.replicas, default=None)


class HorizontalReconciler:
    """Moves the scale of what HorizontalPodAutoscalers point to."""

    def __init__(
        self,
        targets: ScaleTargets,
        pods: MeasuredPods,
        recorder: EventRecorder,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._targets, self._pods, self._recorder = targets, pods, recorder
        self._clock = clock or SystemClock()
        self._known: dict[NamespacedName, _Known] = {}

    def explain(self, namespace: str, name: str) -> ExplainReport | None:
        """Why the target has the scale it has; None when no autoscaler of that name was seen."""
        known = self._known.get(NamespacedName(namespace, name))
        return known.history.report(namespace, name) if known is not None else None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks any more."""
        self._known.pop(key, None)

    async def reconcile_kind(self, hpa: HorizontalPodAutoscaler) -> Result:
        """Look, unless that was done a moment ago and nobody has changed the wish since."""
        known = self._known.setdefault(hpa.key, _Known())
        now = self._clock.monotonic()
        rest = known.looked_at + LOOK_SECONDS - now
        if rest > 0 and known.generation == hpa.metadata.generation:
            return Result(requeue_after=rest)
        known.looked_at, known.generation = now, hpa.metadata.generation or 0
        await self._look(hpa, known)
        hpa.status.observed_generation = hpa.metadata.generation
        return Result(requeue_after=LOOK_SECONDS)

    async def _look(self, hpa: HorizontalPodAutoscaler, known: _Known) -> None:
        now = self._clock.now()
        try:
            scale = await self._targets.read(hpa)
            selector = _selector(scale)
        except (APIStatusError, TerminalError) as err:
            message = f"the HPA controller was unable to get the target's current scale: {err}"
            self._mark(hpa, ABLE_TO_SCALE, False, "FailedGetScale", message)
            self._recorder.warning(hpa, "FailedGetScale", str(err))
            return
        message = "the HPA controller was able to get the target's current scale"
        self._mark(hpa, ABLE_TO_SCALE, True, "SucceededGetScale", message)

        current, least, most = scale.wanted, _least(hpa), hpa.spec.max_replicas
        behavior = Behavior.parse(hpa.spec.behavior)
        look = Look(
            wall_time=now.timestamp(),
            current=current,
            ready=self._pods.ready(hpa.metadata.namespace, selector),
            want=current,
            least=least,
            most=most,
            behavior=behavior,
        )
        reason = ""
        if current == 0 and least > 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._mark(hpa, SCALING_ACTIVE, False, "ScalingDisabled", text)
            look = replace(look, note="somebody has set the scale to zero: nothing is done")
        elif current > most:
            reason = "Current number of replicas above Spec.MaxReplicas"
            look = replace(look, want=most, note=f"max-scale (maxReplicas) is {most}")
        elif current < least:
            reason = "Current number of replicas below Spec.MinReplicas"
            look = replace(look, want=least, note=f"min-scale (minReplicas) is {least}")
        else:
            look, reason = await self._by_metrics(hpa, known, look, selector)
        if look.want != current:
            await self._rescale(hpa, known, look, reason)
        hpa.status.current_replicas = scale.present
        hpa.status.desired_replicas = look.want
        known.history.add(look)

    async def _by_metrics(
        self, hpa: HorizontalPodAutoscaler, known: _Known, look: Look, selector: Selector
    ) -> tuple[Look, str]:
        answers = await self._ask(hpa, look.current, selector)
        best = answers.best
        look = replace(
            look,
            proposals=tuple(answers.proposals),
            failures=tuple(str(failure) for failure in answers.failures),
        )
        if answers.failures:
            first = answers.failures[0]
            for failure in answers.failures:
                self._recorder.warning(hpa, failure.reason, str(failure))
            if best is None or best.replicas < look.current:
                text = f"the HPA was unable to compute the replica count: {first}"
                self._mark(hpa, SCALING_ACTIVE, False, first.reason, text)
                return replace(look, note="with a metric unknown nothing shrinks"), ""
        assert best is not None
        text = f"the HPA was able to successfully calculate a replica count from {best.target}"
        self._mark(hpa, SCALING_ACTIVE, True, "ValidMetricFound", text)

        now = self._clock.monotonic()
        if not known.memory.answers:
            # Just started, and without a past to be slow by: what runs was wanted until now.
            known.memory = replace(known.memory, answers=((now, look.current),))
        step = pace(
            best.replicas,
            look.current,
            look.least,
            look.most,
            look.behavior,
            known.memory,
            now,
        )
        known.memory = step.memory
        self._mark(hpa, ABLE_TO_SCALE, True, step.stabilized.value, STABILIZED[step.stabilized])
        limited = step.limit.value != "DesiredWithinRange"
        self._mark(hpa, SCALING_LIMITED, limited, step.limit.value, LIMITED[step.limit])
        above = best.replicas > look.current
        reason = f"{best.target} above target" if above else "All metrics below target"
        return replace(look, want=step.replicas, pace=step), reason

    async def _ask(
        self, hpa: HorizontalPodAutoscaler, current: int, selector: Selector
    ) -> _Answers:
        answers = _Answers()
        pods: list[PodState] | MetricsUnavailableError
        try:
            pods = await self._pods.list(hpa.metadata.namespace, selector)
        except MetricsUnavailableError as err:
            pods = err
        statuses = []
        for spec in hpa.spec.metrics:
            proposal = None
            try:
                target = parse_target(spec)
                if isinstance(pods, MetricsUnavailableError):
                    raise pods
                proposal = propose(target, pods, current, self._clock.now())
                answers.proposals.append(proposal)
            except MetricsUnavailableError as err:
                answers.failures.append(err)
            statuses.append(make_status(spec, proposal))
        hpa.status.current_metrics = statuses
        return answers

    async def _rescale(
        self, hpa: HorizontalPodAutoscaler, known: _Known, look: Look, reason: str
    ) -> None:
        try:
            await self._targets.scale(hpa, look.want)
        except APIStatusError as err:
            message = f"the HPA controller was unable to update the target scale: {err}"
            self._mark(hpa, ABLE_TO_SCALE, False, "FailedUpdateScale", message)
            text = f"New size: {look.want}; reason: {reason}; error: {err}"
            self._recorder.warning(hpa, "FailedRescale", text)
            raise
        now = self._clock.monotonic()
        known.memory = known.memory.with_change(now, look.want - look.current, look.behavior)
        message = f"the HPA controller was able to update the target scale to {look.want}"
        self._mark(hpa, ABLE_TO_SCALE, True, "SucceededRescale", message)
        self._recorder.normal(hpa, "SuccessfulRescale", f"New size: {look.want}; reason: {reason}")
        hpa.status.last_scale_time = self._clock.now()

    def _mark(
        self, hpa: HorizontalPodAutoscaler, kind: str, true: bool, reason: str, message: str
    ) -> None:
        mark(hpa.status, kind, true=true, reason=reason, message=message, now=self._clock.now())


def _least(hpa: HorizontalPodAutoscaler) -> int:
    return 1 if hpa.spec.min_replicas is None else hpa.spec.min_replicas


def _selector(scale: TargetScale) -> Selector:
    """The pods of a target.

    Raises:
        BadRequestError: Everything, or nothing that can be read.
    """
    selector = parse_selector(scale.selector)
    if not selector:
        raise BadRequestError("the scale of the target has no selector")
    return selector
