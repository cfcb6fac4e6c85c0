"""What a TaskRun's init containers would do: done here, in no time and without their images."""

from __future__ import annotations

import structlog

from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.context import NodeContext
from wakeful.node.environment import ContainerConfigError
from wakeful.node.materials import Materials
from wakeful.node.statuswriter import Report
from wakeful.node.steps.files import link_below, make_below, write_below
from wakeful.node.steps.plan import StepsPlan
from wakeful.node.steps.standin import StandIn
from wakeful.node.steps.volumes import append_log, find_place
from wakeful.pipelines.entrypoint import layout as at
from wakeful.pipelines.entrypoint.layout import StepPlace

log = structlog.get_logger("wakeful.node.steps")


class SetupRunner(StandIn):
    """Stands for one init container of a TaskRun's Pod.

    Doing it again does no harm, so another agent simply does.
    """

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        report: Report,
        plan: StepsPlan,
    ) -> None:
        super().__init__(node, pod, container, materials, report, init=True)
        self._plan = plan

    @property
    def is_over(self) -> bool:
        """It is done again when it was done before, so that it shows how it ended."""
        return True

    async def run(self) -> int | None:
        """Do the work; return the exit code that the container would have ended with."""
        begun = self._node.clock.now()
        code, message = 0, ""
        try:
            await self._work()
        except (ContainerConfigError, OSError) as err:
            code, message = 1, str(err)
            log.warning("steps not prepared", pod=str(self._pod.key), error=message)
        uid, name = self._pod.metadata.uid, self._container.name
        append_log(self._node.log_path(uid, name, 0), (message,), self._node.clock.now)
        self._show_end(begun, exit_code=code, message=message)
        return code

    async def _work(self) -> None:
        match self._container.name:
            case at.PREPARE:
                await self._link_steps()
            case at.PLACE_SCRIPTS:
                await self._place_scripts()
            case _:
                await self._make_directories()

    async def _link_steps(self) -> None:
        """Have ``/tekton/steps`` lead to each step's status, by its name and by its number."""
        folder = await self._materials.open_volume(at.STEPS_VOLUME)
        for step in self._plan.steps:
            target = StepPlace(step.index).status_dir
            link_below(folder, step.name, target)
            link_below(folder, str(step.index), target)

    async def _place_scripts(self) -> None:
        for script in self._plan.scripts:
            place = await find_place(self._materials, self._container, script.path)
            if place is None:
                raise ContainerConfigError(f"script {script.path!r} lies in no volume")
            write_below(*place, script.text.encode(), mode=0o755)

    async def _make_directories(self) -> None:
        for path in self._plan.directories:
            place = await find_place(self._materials, self._container, path)
            if place is not None:
                make_below(*place)
