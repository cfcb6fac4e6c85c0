"""What to do for a PodAutoscaler of the KPA class."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalingAnnotations, PodAutoscaler
from wakeful.apis.autoscaling.podautoscaler_lifecycle import ACTIVE
from wakeful.apis.networking import (
    ACTIVATOR_ENDPOINTS_POPULATED,
    ServerlessService,
    ServerlessServiceMode,
)
from wakeful.autoscaler import (
    SCALE_UNKNOWN,
    Activity,
    ScalingSpec,
    TargetState,
    active_threshold,
    bound_scale,
    needs_gate,
    next_activity,
    number_of_activators,
    resolve_spec,
)
from wakeful.autoscaler.bounds import MIN_ACTIVATORS, Step
from wakeful.autoscaler.coldstart import Mark
from wakeful.autoscaler.rest import DEFAULT_FROZEN_SECONDS, Resting, RestPlan, plan_rest
from wakeful.autoscaler.zygote import plan_zygote
from wakeful.controller import Result
from wakeful.reconciler.autoscaling.children import Children, report_network
from wakeful.reconciler.autoscaling.deciders import Deciders
from wakeful.reconciler.autoscaling.kpa.frozen import FrozenPods
from wakeful.reconciler.autoscaling.kpa.zygotes import ZygotePods
from wakeful.reconciler.autoscaling.target import ScaleTargets

NO_PRIVATE_SERVICE = "No Private Service Name"
WAKE_SECONDS = 0.1
"""How long a revision that wakes is left to itself before its status is looked after."""


class KPAReconciler:
    """Turns a decider's recommendation into a scale, a mode of the network and a status.

    The scale is written before anything else, and on waking alone: a request is held until an
    instance is there, and every status written meanwhile, with all who follow it, would be work in
    its way. The rest is done when the instance is ready, or a moment later.
    """

    def __init__(
        self,
        deciders: Deciders,
        children: Children,
        targets: ScaleTargets,
        ready: Callable[[NamespacedName], int],
        config: Callable[[], AutoscalerConfig],
        progress_deadline_seconds: Callable[[], float],
        frozen: FrozenPods,
        zygotes: ZygotePods,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._deciders, self._children, self._targets = deciders, children, targets
        self._ready, self._config = ready, config
        self._progress_deadline_seconds = progress_deadline_seconds
        self._frozen, self._zygotes = frozen, zygotes
        self._clock = clock or SystemClock()

    async def reconcile_kind(self, autoscaler: PodAutoscaler) -> Result | None:
        """Scale, connect and report."""
        annotations = autoscaler.autoscaling
        spec = resolve_spec(
            self._config(),
            annotations,
            container_concurrency=autoscaler.spec.container_concurrency,
            reachable=autoscaler.is_reachable,
        )
        network = self._children.serverless_service(autoscaler)
        if network is None or not network.status.private_service_name:
            await self._children.keep_serverless_service(
                autoscaler, proxy=True, activators=MIN_ACTIVATORS
            )
            report_network(autoscaler, network, NO_PRIVATE_SERVICE)
            self._report(autoscaler, spec, SCALE_UNKNOWN, self._ready(autoscaler.key))
            return None

        autoscaler.status.metrics_service_name = network.status.private_service_name
        recommendation = self._deciders.ensure(autoscaler.key, spec)
        deadline = annotations.progress_deadline_seconds
        if deadline is None:
            deadline = self._progress_deadline_seconds()
        state = self._state(autoscaler, network, deadline)
        now = self._clock.now().timestamp()
        outcome = bound_scale(recommendation.desired, spec, self._config(), state, now)
        self._deciders.note_outcome(autoscaler.key, outcome)
        self._zygotes.note(autoscaler.key, keeps=annotations.keeps_zygote)
        rest: RestPlan | None = None
        if outcome.step is Step.SLEEP and annotations.keeps_zygote:
            rest = await self._rest_by_zygote(autoscaler, annotations, now)
        elif outcome.step is Step.SLEEP and annotations.freezes:
            rest = await self._rest(autoscaler, annotations, now)
        elif outcome.apply and await self._wake(autoscaler, outcome.want):
            return Result(requeue_after=WAKE_SECONDS)

        await self._children.keep_metric(autoscaler, spec)
        ready = self._ready(autoscaler.key)
        network = await self._children.keep_serverless_service(
            autoscaler,
            proxy=needs_gate(
                want=outcome.want, excess_burst_capacity=recommendation.excess_burst_capacity
            ),
            activators=number_of_activators(spec, ready),
        )
        autoscaler.status.service_name = network.status.service_name
        report_network(autoscaler, network)
        self._report(autoscaler, spec, outcome.want, ready)
        waits = [outcome.wait_seconds, rest.wait_seconds if rest is not None else None]
        return Result(requeue_after=min((w for w in waits if w is not None), default=None))

    async def _rest(
        self, autoscaler: PodAutoscaler, annotations: AutoscalingAnnotations, now: float
    ) -> RestPlan:
        """Go to zero by way of a frozen instance."""
        key, seconds = autoscaler.key, annotations.frozen_seconds
        resting = Resting(
            replicas=await self._targets.replicas(autoscaler),
            instances=len(self._frozen.instances(key)),
            frozen_since=self._frozen.frozen_since(key),
        )
        plan = plan_rest(DEFAULT_FROZEN_SECONDS if seconds is None else seconds, resting, now)
        await self._scale(autoscaler, plan.replicas)
        if plan.freeze:
            await self._frozen.freeze(key, self._clock.now())
        self._deciders.note_rest(key, plan)
        autoscaler.status.at_zero = "frozen" if plan.replicas else ""
        return plan

    async def _rest_by_zygote(
        self, autoscaler: PodAutoscaler, annotations: AutoscalingAnnotations, now: float
    ) -> RestPlan:
        """Go to zero by way of a new instance that waits."""
        key = autoscaler.key
        replicas = await self._targets.replicas(autoscaler)
        nursery = self._zygotes.nursery(key, replicas=replicas, reachable=autoscaler.is_reachable)
        plan = plan_zygote(annotations.zygote_seconds or 0.0, nursery, now)
        if plan.replace:
            await self._zygotes.replace(key)
        elif plan.replicas:
            self._zygotes.stay(key)
        else:
            self._zygotes.leave(key)
        await self._scale(autoscaler, plan.replicas)
        if plan.replicas or plan.note:  # why there is none is told for as long as there is none
            self._deciders.note_rest(key, plan)
            state = "zygote" if plan.replicas else "gone"
            autoscaler.status.at_zero = f"{state}: {plan.note}" if plan.note else state
        elif autoscaler.status.at_zero.startswith("zygote"):
            self._deciders.note_rest(key, None)
            autoscaler.status.at_zero = ""
        return plan

    async def _wake(self, autoscaler: PodAutoscaler, want: int) -> bool:
        """Let go what rests, which is quicker than anything else; then scale."""
        key = autoscaler.key
        self._zygotes.leave(key)
        if want <= 0:
            return await self._scale(autoscaler, want)
        self._deciders.note_rest(key, None)
        autoscaler.status.at_zero = ""
        thawed = await self._frozen.thaw(key)
        begun = await self._zygotes.release(key)
        woken = await self._scale(autoscaler, want) or thawed or begun
        if woken:
            self._deciders.starts.note(key, Mark.SCALED)
        return woken

    async def _scale(self, autoscaler: PodAutoscaler, want: int) -> bool:
        """Write the scale if it is another; say whether that wakes what slept."""
        present = await self._targets.replicas(autoscaler)
        if want == present:
            return False
        await self._targets.scale(autoscaler, want)
        return present == 0

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for the revision's scale any more."""
        self._zygotes.leave(key)
        self._zygotes.note(key, keeps=False)
        self._deciders.remove(key)

    def _state(
        self, autoscaler: PodAutoscaler, network: ServerlessService, deadline_seconds: float
    ) -> TargetState:
        active = autoscaler.status.condition(ACTIVE)
        gated = network.status.condition(ACTIVATOR_ENDPOINTS_POPULATED)
        since = active.last_transition_time if active is not None else None
        proxied = gated.last_transition_time if gated is not None and gated.is_true else None
        return TargetState(
            activity=_activity(autoscaler),
            activity_since=(since or self._clock.now()).timestamp(),
            initialized=autoscaler.status.is_scale_target_initialized,
            proxy_mode=network.spec.mode == ServerlessServiceMode.PROXY,
            proxy_since=None if proxied is None else proxied.timestamp(),
            gate_programmed=bool(network.status.service_name),
            progress_deadline_seconds=deadline_seconds,
        )

    def _report(self, autoscaler: PodAutoscaler, spec: ScalingSpec, want: int, ready: int) -> None:
        status = autoscaler.status
        status.actual_scale = ready
        if want >= 0 or status.desired_scale is None or status.desired_scale < 0:
            status.desired_scale = want  # else: what was known before a restart still stands
        min_ready = active_threshold(spec, initialized=status.is_scale_target_initialized)
        if ready >= min_ready and status.service_name:
            status.mark_scale_target_initialized()
        change = next_activity(_activity(autoscaler), want=want, ready=ready, min_ready=min_ready)
        if change is None:
            return
        if change.activity is Activity.ACTIVE:
            status.mark_active()
        elif change.activity is Activity.INACTIVE:
            status.mark_inactive(change.reason, change.message)
        else:
            status.mark_activating(change.reason, change.message)


def _activity(autoscaler: PodAutoscaler) -> Activity:
    if autoscaler.status.is_active:
        return Activity.ACTIVE
    return Activity.INACTIVE if autoscaler.status.is_inactive else Activity.ACTIVATING
