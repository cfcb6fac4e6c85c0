"""The sidecar that reads results: what it would do is done here, without its image."""

from __future__ import annotations

import orjson

from wakeful.aio import first_of
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials
from wakeful.node.status import running
from wakeful.node.statuswriter import Report
from wakeful.node.steps.board import StepBoard
from wakeful.node.steps.standin import StandIn
from wakeful.node.steps.volumes import append_log
from wakeful.pipelines.entrypoint import ResultKind, parse_message

_TOLD = {
    ResultKind.TASK_RESULT: "task",
    ResultKind.STEP_RESULT: "step",
    ResultKind.STEP_ARTIFACTS: "stepArtifact",
    ResultKind.TASK_ARTIFACTS: "taskArtifact",
}
"""Kinds of results, as the lines of its log name them."""


class ResultsRunner(StandIn):
    """Waits for the last step and tells every result, a line of JSON each, in the log.

    Everything is in the steps' records, so another agent begins anew and comes to the same.
    """

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        report: Report,
        board: StepBoard,
    ) -> None:
        super().__init__(node, pod, container, materials, report)
        self._board = board
        self._log_path = node.log_path(pod.metadata.uid, container.name, 0)

    @property
    def is_over(self) -> bool:
        """It ends when the steps have."""
        return self._board.have_all_ended

    async def run(self) -> int | None:
        """Wait for the steps, tell, and end."""
        begun = self._node.clock.now()
        snapshot = self.snapshot
        snapshot.container_id = self._run_id
        snapshot.state = running(begun)
        snapshot.ready = snapshot.started = True
        self._report.changed(urgent=False)
        await first_of(self._board.all_ended(), self._retired.wait())
        self._log_path.unlink(missing_ok=True)
        append_log(self._log_path, self._lines(), self._node.clock.now, stream="stdout")
        self._show_end(begun)
        return 0

    def _lines(self) -> list[str]:
        lines = []
        for step in self._board.plan.steps:
            outcome = self._board.records.outcome(step.name)
            for entry in (parse_message(outcome.message) or ()) if outcome is not None else ():
                if entry.kind not in _TOLD:
                    continue
                name = entry.key
                if entry.kind is ResultKind.STEP_RESULT:
                    name = f"{step.name}.{entry.key}"
                elif entry.kind is ResultKind.STEP_ARTIFACTS:
                    name = step.name
                told = {"name": name, "value": entry.value, "type": _TOLD[entry.kind]}
                lines.append(orjson.dumps(told).decode())
        return lines
