"""Containers whose work the agent does itself, without their image."""

from __future__ import annotations

from datetime import datetime

from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.node.container import ContainerRunner
from wakeful.node.runtime import ContainerStatus
from wakeful.node.status import terminated


class StandIn(ContainerRunner):
    """Shows a container that ran, and has none.

    Its work does no harm when it is done again, so another agent simply does.
    """

    def resume(
        self, run: ContainerStatus | None, prior: PriorStatus | None, *, new_sandbox: bool
    ) -> None:
        """There is never anything to take over."""

    @property
    def has_run(self) -> bool:
        """Nothing of a former agent is needed."""
        return True

    @property
    def _run_id(self) -> str:
        return self._prefixed(f"{self._pod.metadata.uid}/{self._container.name}/0")

    def _show_end(self, begun: datetime, *, exit_code: int = 0, message: str = "") -> None:
        snapshot = self.snapshot
        snapshot.container_id = self._run_id
        snapshot.state = terminated(
            exit_code=exit_code,
            signal=None,
            reason="Error" if exit_code else "Completed",
            message=message,
            started_at=begun,
            finished_at=self._node.clock.now(),
            container_id=self._run_id,
        )
        snapshot.ready = snapshot.started = False
        snapshot.final = True
        self._report.changed(urgent=bool(exit_code))
