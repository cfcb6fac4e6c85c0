"""Runs as people read them: states, times, a tree of tasks and steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.text import Text
from rich.tree import Tree

JSON = Mapping[str, Any]

_MARKS = {
    "Succeeded": ("✓", "green"),
    "Failed": ("✗", "red"),
    "Running": ("●", "yellow"),
    "Cancelled": ("✗", "red"),
    "Skipped": ("○", "dim"),
    "Waiting": ("·", "dim"),
}


def condition_of(run: JSON) -> JSON:
    """The one condition that matters; empty while nothing is known."""
    for condition in (run.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Succeeded":
            return dict(condition)
    return {}


def is_done(run: JSON) -> bool:
    """Whether a run has ended."""
    return condition_of(run).get("status") in ("True", "False")


def succeeded(run: JSON) -> bool:
    """Whether a run has ended well."""
    return condition_of(run).get("status") == "True"


def state_of(run: JSON) -> str:
    """``Succeeded``, ``Failed``, ``Cancelled``, ``Running`` or ``Waiting``."""
    condition = condition_of(run)
    match condition.get("status"):
        case "True":
            return "Succeeded"
        case "False":
            cancelled = ("Cancelled", "TaskRunCancelled", "PipelineRunCancelled")
            return "Cancelled" if condition.get("reason") in cancelled else "Failed"
        case "Unknown":
            return "Running"
        case _:
            return "Waiting"


def status_text(run: JSON) -> str:
    """The state, and the reason when that says more."""
    state, reason = state_of(run), str(condition_of(run).get("reason") or "")
    plain = {"", state, "Completed", "TaskRunCancelled", "Started", "Running"}
    return state if reason in plain else f"{state} ({reason})"


def parse_time(text: str) -> datetime | None:
    """Read a time of the API; None for none."""
    if not text:
        return None
    return datetime.fromisoformat(text)


def span_of(
    status: JSON, now: datetime, start: str = "startTime", end: str = "completionTime"
) -> str:
    """How long something took, or takes already; "" before it began."""
    begun = parse_time(str(status.get(start) or ""))
    if begun is None:
        return ""
    ended = parse_time(str(status.get(end) or ""))
    return show_seconds(((ended or now) - begun).total_seconds())


def show_seconds(seconds: float) -> str:
    """``4s``, ``2m3s``, ``1h5m``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60}s"
    return f"{whole // 3600}h{whole % 3600 // 60}m"


def age_of(run: JSON, now: datetime) -> str:
    """How long ago a run began."""
    begun = parse_time(str((run.get("status") or {}).get("startTime") or ""))
    return f"{show_seconds((now - begun).total_seconds())} ago" if begun else ""


@dataclass(frozen=True, slots=True)
class TaskNode:
    """One task of a run, as far as it is known."""

    name: str
    state: str
    detail: str = ""
    """A reason, or how many times it was tried."""
    seconds: str = ""
    steps: tuple[tuple[str, str, str], ...] = ()
    """Name, state and time of each."""
    is_final: bool = False
    run_name: str = ""


@dataclass(slots=True)
class RunView:
    """A run and the runs it started, by name."""

    run: JSON = field(default_factory=dict)
    children: dict[str, JSON] = field(default_factory=dict)

    def nodes(self, now: datetime) -> Iterator[TaskNode]:
        """Every task of the pipeline in the order in which it is written; final ones last."""
        status = self.run.get("status") or {}
        spec = status.get("pipelineSpec") or self.run.get("spec", {}).get("pipelineSpec") or {}
        skipped = {s["name"]: s.get("reason", "") for s in status.get("skippedTasks") or ()}
        by_task: dict[str, list[JSON]] = {}
        for reference in status.get("childReferences") or ():
            child = self.children.get(reference["name"], {"metadata": {"name": reference["name"]}})
            by_task.setdefault(reference.get("pipelineTaskName", ""), []).append(child)
        for part, final in (("tasks", False), ("finally", True)):
            for task in spec.get(part) or ():
                name = task["name"]
                runs = by_task.get(name, [])
                for index, child in enumerate(runs):
                    title = f"{name} [{index}]" if len(runs) > 1 else name
                    yield _node(title, child, now, final=final)
                if not runs:
                    state = "Skipped" if name in skipped else "Waiting"
                    yield TaskNode(name, state, skipped.get(name, ""), is_final=final)


def _node(name: str, child: JSON, now: datetime, *, final: bool) -> TaskNode:
    status = child.get("status") or {}
    state = state_of(child)
    condition = condition_of(child)
    detail = str(condition.get("message") or "") if state in ("Failed", "Cancelled") else ""
    if retries := len(status.get("retriesStatus") or ()):
        detail = f"attempt {retries + 1}{f': {detail}' if detail else ''}"
    steps = tuple(_step(step, now) for step in status.get("steps") or ())
    run_name = str(child.get("metadata", {}).get("name", ""))
    return TaskNode(name, state, detail, span_of(status, now), steps, final, run_name)


def _step(step: JSON, now: datetime) -> tuple[str, str, str]:
    name = str(step.get("name", ""))
    if ended := step.get("terminated"):
        if step.get("terminationReason") == "Skipped":
            return name, "Skipped", ""
        state = "Succeeded" if ended.get("exitCode") == 0 else "Failed"
        return name, state, span_of(ended, now, "startedAt", "finishedAt")
    if running := step.get("running"):
        return name, "Running", span_of(running, now, "startedAt", "")
    return name, "Waiting", ""


def make_tree(view: RunView, now: datetime) -> Tree:
    """The run with its tasks, and the steps of those that run or failed."""
    run = view.run
    meta, status = run.get("metadata") or {}, run.get("status") or {}
    title = Text.assemble(
        (str(meta.get("name", "")), "bold"), (f"  {status_text(run)}", _MARKS[state_of(run)][1])
    )
    if span := span_of(status, now):
        title += Text(f"  {span}", style="dim")
    tree = Tree(title, guide_style="dim")
    for node in view.nodes(now):
        branch = tree.add(_line(node.name, node.state, node.seconds, node.detail, node.is_final))
        if node.state in ("Running", "Failed", "Cancelled"):
            for name, state, seconds in node.steps:
                branch.add(_line(name, state, seconds))
    return tree


def _line(
    name: str, state: str, seconds: str = "", detail: str = "", is_final: bool = False
) -> Text:
    mark, style = _MARKS[state]
    text = Text.assemble((f"{mark} ", style), (name, "" if state != "Waiting" else "dim"))
    if is_final:
        text += Text(" (finally)", style="dim")
    if seconds:
        text += Text(f"  {seconds}", style="dim")
    if detail:
        text += Text(f"  {detail}", style=style)
    return text


def changes(before: Mapping[str, str], nodes: Sequence[TaskNode]) -> Iterator[TaskNode]:
    """The tasks whose state differs from ``before``."""
    for node in nodes:
        if before.get(node.name) != node.state:
            yield node


def utc_now() -> datetime:
    """The present time, aware."""
    return datetime.now(UTC)
