"""Whatever a pipeline looks like and however its tasks end, its run comes to a sensible end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wakeful.apis.pipeline import PipelineRun, PipelineSpec
from wakeful.apis.pipeline import PipelineRunReason as Reason
from wakeful.apis.pipeline.admission import Settings
from wakeful.apis.pipeline.task_defaults import set_pipeline_spec_defaults
from wakeful.testing.pipelines import NOW, Play

ENDS = ("well", "well", "well", "badly", "without result", "cancelled")


@dataclass
class Game:
    """A pipeline, how each of its tasks ends, and in which order."""

    spec: dict[str, Any]
    ends: dict[str, str]
    order: list[int]
    status: str


@st.composite
def games(draw: Any) -> Game:
    count = draw(st.integers(1, 7))
    tasks: list[dict[str, Any]] = []
    for number in range(count):
        earlier = [f"t{n}" for n in range(number)]
        task: dict[str, Any] = {
            "name": f"t{number}",
            "taskSpec": {"results": [{"name": "r"}], "steps": [{"image": "i"}]},
        }
        if earlier and draw(st.booleans()):
            task["runAfter"] = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2))
        plain = [t["name"] for t in tasks if "matrix" not in t]
        if plain and draw(st.booleans()):
            owner = draw(st.sampled_from(plain))
            task["params"] = [{"name": "p", "value": f"$(tasks.{owner}.results.r)"}]
        match draw(st.integers(0, 5)):
            case 0:
                task["when"] = [{"input": "a", "operator": "in", "values": ["b"]}]
            case 1:
                task["onError"] = "continue"
            case 2:
                task["matrix"] = {"params": [{"name": "m", "value": ["1", "2"]}]}
        tasks.append(task)
    draw(st.randoms()).shuffle(tasks)
    final = [
        {
            "name": f"f{number}",
            "params": [{"name": "p", "value": draw(st.sampled_from(FINAL_VALUES))}],
            "taskSpec": {"steps": [{"image": "i"}]},
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    names = [t["name"] for t in (*tasks, *final)]
    ends = {name: draw(st.sampled_from(ENDS)) for name in names}
    order = draw(st.lists(st.integers(0, 50), min_size=1, max_size=20))
    status = draw(st.sampled_from(["", "", "", "CancelledRunFinally", "StoppedRunFinally"]))
    return Game({"tasks": tasks, "finally": final}, ends, order, status)


FINAL_VALUES = ("$(tasks.status)", "$(tasks.t0.status)", "$(tasks.t0.reason)", "x")


def end(play: Play, game: Game, task: str, row: int) -> None:
    how = game.ends[task]
    spec = next(t for t in (*play.spec.tasks, *play.spec.finally_) if t.name == task)
    if how == "badly":
        play.fail(task, row, reason="FailureIgnored" if spec.continues_on_error else "StepFailed")
    elif how == "cancelled":
        play.fail(task, row, reason="TaskRunCancelled")
    elif how == "without result":
        play.succeed(task, row)
    else:
        play.succeed(task, row, r="v")


@settings(max_examples=60, deadline=None)
@given(games())
def test_a_run_comes_to_an_end(game: Game) -> None:
    """Each task starts once, after all it waits for; final tasks after all others; and it ends."""
    spec = PipelineSpec.from_wire(game.spec)
    set_pipeline_spec_defaults(spec, Settings())
    run = PipelineRun.from_wire({"metadata": {"name": "r", "namespace": "ns", "uid": "u"}})
    run.status.initialize(NOW)
    play = Play(run, spec)
    final = {t.name for t in spec.finally_}
    after = {t.name: set(t.run_after) for t in spec.tasks}
    started: set[str] = set()
    picks = iter(game.order * 100)
    for _ in range(80):
        decision = play.look()
        over = {s.name for s in decision.skipped}
        new = {s.task.name for s in decision.start}
        assert not new & started, "nothing starts twice"
        ended = {n for n, runs in play.children.items() if all(c.status.is_done for c in runs)}
        for name in new - final:
            assert after[name] <= ended | over, f"{name} started too early"
        if new & final:
            assert {t.name for t in spec.tasks} <= ended | over | set(decision.failed_validation)
        started |= new
        if decision.status != "Unknown":
            break
        for stop in decision.stop:
            play.stopped(decision)
            assert stop.name
        running = [
            (name, row)
            for name, runs in play.children.items()
            for row, child in enumerate(runs)
            if not child.status.is_done
        ]
        assert running or decision.start or decision.stop, (
            "something must be going on until the end"
        )
        if running:
            end(play, game, *running[next(picks) % len(running)])
        if game.status and len(started) > 1:
            run.spec.status = game.status
    else:
        raise AssertionError("the run never ends")

    forgiven = {
        t.name
        for t in (*spec.tasks, *spec.finally_)
        if t.continues_on_error and game.ends[t.name] != "cancelled"
    }
    bad = {
        name
        for name, runs in play.children.items()
        if any(c.status.is_failed for c in runs) and name not in forgiven
    }
    if bad or decision.failed_validation or run.spec.status:
        assert decision.status == "False", "a failure is never called a success"
    else:
        assert decision.status == "True"
        assert (decision.reason == Reason.COMPLETED) == bool(decision.skipped)
    everyone = {t.name for t in (*spec.tasks, *spec.finally_)}
    assert started | over | set(decision.failed_validation) == everyone
