"""Binds pods that found no node when they were created, once there is room."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.core import Node, Pod
from wakeful.apis.core.pod_types import POD_SCHEDULED, PodCondition
from wakeful.client import Change, Client, Informer
from wakeful.controller import Controller, EventRecorder, Manager, Result
from wakeful.reconciler.core.scheduling.fit import NodeUsage, choose_node


class SchedulingReconciler:
    """Looks for a node for one pod."""

    def __init__(
        self,
        client: Client,
        nodes: Informer[Node],
        used: NodeUsage,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client, self._nodes, self._used = client, nodes, used
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: Pod) -> Result | None:
        """Bind the pod, or say why that cannot be."""
        if obj.spec.node_name or obj.is_finished or obj.spec.scheduling_gates:
            return None
        if obj.spec.scheduler_name not in ("", "default-scheduler"):
            return None
        node, why = choose_node(obj.spec, self._nodes.list(), self._used)
        if not node:
            self._report(obj, why)
            return None
        patch = {"metadata": {"uid": obj.metadata.uid}, "spec": {"nodeName": node}}
        bound = await self._client.patch(Pod, obj.metadata.name, obj.metadata.namespace, patch)
        obj.metadata = bound.metadata
        obj.spec = bound.spec
        self._set(obj, "True", "", "")
        ref = f"{obj.metadata.namespace}/{obj.metadata.name}"
        self._recorder.normal(obj, "Scheduled", f"Successfully assigned {ref} to {node}")
        return None

    def _report(self, obj: Pod, why: str) -> None:
        if self._set(obj, "False", "Unschedulable", why):
            self._recorder.warning(obj, "FailedScheduling", why)

    def _set(self, obj: Pod, status: str, reason: str, message: str) -> bool:
        have = obj.status.condition(POD_SCHEDULED)
        if have is not None and (have.status, have.message) == (status, message):
            return False
        new = PodCondition(
            type=POD_SCHEDULED,
            status=status,
            last_transition_time=self._clock.now(),
            reason=reason,
            message=message,
        )
        obj.status.conditions = set_status_condition(obj.status.conditions, new)
        return True


def is_unbound(pod: Pod) -> bool:
    """Whether a pod waits for a node."""
    return not pod.spec.node_name and not pod.is_finished


def make_scheduler(manager: Manager, usage: NodeUsage, clock: Clock) -> Controller[Pod]:
    """Wire the scheduler; ``usage`` is shared with the admission hook that binds at creation."""
    pods, nodes = manager.informer(Pod), manager.informer(Node)
    usage.is_complete = pods.synced.is_set
    pods.add_handler(lambda change: usage.observe(change.old, change.new))
    reconciler = SchedulingReconciler(manager.client, nodes, usage, manager.recorder, clock)
    controller = Controller("scheduler", manager.client, pods, reconciler, selects=is_unbound)
    pods.add_index("unbound", lambda pod: ("yes",) if is_unbound(pod) else ())

    def waiting(_changed: Node) -> Iterable[NamespacedName]:
        return [pod.key for pod in pods.by_index("unbound", "yes")]

    def freed(change: Change[Pod]) -> None:
        if change.new is None or change.new.is_finished:
            for pod in pods.by_index("unbound", "yes"):
                controller.enqueue(pod.key)

    controller.watch(nodes, waiting)
    pods.add_handler(freed)
    return controller
