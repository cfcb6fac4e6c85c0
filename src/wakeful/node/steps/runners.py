"""The runners of a Pod with steps, in place of those of any other Pod."""

from __future__ import annotations

from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.container import ContainerRunner
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials
from wakeful.node.statuswriter import Report
from wakeful.node.steps.board import StepBoard
from wakeful.node.steps.plan import plan_steps
from wakeful.node.steps.record import StepRecords
from wakeful.node.steps.results import ResultsRunner
from wakeful.node.steps.runner import StepRunner
from wakeful.node.steps.setup import SetupRunner
from wakeful.node.steps.sidecar import SidecarRunner


class PodSteps:
    """Makes runners for the containers of one Pod and tells them what the Pod is told."""

    def __init__(
        self, node: NodeContext, pod: Pod, materials: Materials, report: Report, board: StepBoard
    ) -> None:
        self._node, self._pod, self._materials, self._report = node, pod, materials, report
        self._board = board
        self._sidecars: list[SidecarRunner] = []
        board.observe(pod)

    @classmethod
    def of(
        cls, node: NodeContext, pod: Pod, materials: Materials, report: Report
    ) -> PodSteps | None:
        """The steps of a Pod; None when it has none."""
        plan = plan_steps(pod)
        if plan is None:
            return None
        records = StepRecords(node.pod_dir(pod.metadata.uid) / "steps")
        return cls(node, pod, materials, report, StepBoard(plan, records))

    def runner(self, container: Container, *, init: bool) -> ContainerRunner:
        """The runner of one container."""
        plan, node, pod = self._board.plan, self._node, self._pod
        if init:
            if container.name in plan.setups:
                return SetupRunner(node, pod, container, self._materials, self._report, plan)
            return ContainerRunner(node, pod, container, self._materials, self._report, init=True)
        step = plan.step(container.name)
        if step is not None:
            return StepRunner(node, pod, step, self._materials, self._report, self._board)
        if container.name in plan.readers:
            return ResultsRunner(node, pod, container, self._materials, self._report, self._board)
        sidecar = SidecarRunner(node, pod, container, self._materials, self._report)
        self._sidecars.append(sidecar)
        return sidecar

    def observe(self, pod: Pod) -> None:
        """Look at a newer version of the Pod."""
        self._board.observe(pod)
        for sidecar in self._sidecars:
            sidecar.observe(pod)
