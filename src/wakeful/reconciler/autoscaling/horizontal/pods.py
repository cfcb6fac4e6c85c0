"""What the algorithm has to know of pods, from the cache and from whoever measures them."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.aio import Clock
from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.labels import Selector
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import POD_READY, PodPhase
from wakeful.autoscaler.horizontal import MetricsUnavailableError, PodState
from wakeful.autoscaler.usage import PodUsage, UsageSource, parse_pod_usage
from wakeful.client import Lister

_FRESH_SECONDS = 1.0


class MeasuredPods:
    """Pods with their figures; one measurement serves all who ask within a second."""

    def __init__(self, pods: Lister[Pod], source: UsageSource, clock: Clock) -> None:
        self._pods, self._source, self._clock = pods, source, clock
        self._measured: Mapping[NamespacedName, PodUsage] = {}
        self._measured_at: float | None = None

    async def list(self, namespace: str, selector: Selector) -> list[PodState]:
        """The pods of a target.

        Raises:
            MetricsUnavailableError: Nobody can measure at present.
        """
        usage = await self._usage()
        return [make_state(pod, usage.get(pod.key)) for pod in self._pods.list(namespace, selector)]

    def ready(self, namespace: str, selector: Selector) -> int:
        """How many pods of a target are ready."""
        pods = self._pods.list(namespace, selector)
        return sum(pod.is_ready and pod.is_active for pod in pods)

    async def _usage(self) -> Mapping[NamespacedName, PodUsage]:
        now = self._clock.monotonic()
        if self._measured_at is not None and now - self._measured_at < _FRESH_SECONDS:
            return self._measured
        try:
            found = await self._source.pods()
        except WakefulError as err:
            raise MetricsUnavailableError(f"unable to get metrics for resource: {err}") from err
        measured = {}
        for metrics in found:
            meta = metrics["metadata"]
            key = NamespacedName(meta["namespace"], meta["name"])
            measured[key] = parse_pod_usage(metrics)
        self._measured, self._measured_at = measured, now
        return measured


def make_state(pod: Pod, usage: PodUsage | None) -> PodState:
    """Put together what is known of a pod."""
    ready = pod.status.condition(POD_READY)
    return PodState(
        name=pod.metadata.name,
        pending=pod.status.phase == PodPhase.PENDING,
        ignored=not pod.is_active,
        started_at=pod.status.start_time,
        ready=None if ready is None else ready.status == "True",
        ready_changed_at=None if ready is None else ready.last_transition_time,
        requests={
            container.name: {
                resource: float(parse_quantity(amount))
                for resource, amount in container.resources.requests.items()
            }
            for container in pod.spec.containers
        },
        usage=usage,
    )
