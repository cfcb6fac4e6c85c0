from __future__ import annotations

import pytest

from wakeful.reconciler.serving.route.rollout import (
    SECOND,
    Rollout,
    Share,
    goal_of,
    observe_ready,
    parse_rollout,
    step,
)
from wakeful.reconciler.serving.route.traffic import RevisionTarget

T0 = 1_000 * SECOND


def goal(revision: str, percent: int = 100, tag: str = "") -> Rollout:
    target = RevisionTarget(revision, percent, tag, "hello", latest=True)
    return goal_of({tag: (target,)})


def shares(rollout: Rollout) -> list[tuple[str, int]]:
    return [(share.revision, share.percent) for share in rollout.configurations[0].shares]


def test_first_revision_gets_everything_at_once() -> None:
    assert step(goal("r1"), None, T0) == goal("r1")


def test_new_revision_starts_with_one_percent_and_ends_with_all() -> None:
    """Ready after 2 s of 20: the other 18 s are nine steps of 11 percent."""
    rollout = step(goal("r2"), goal("r1"), T0)
    assert shares(rollout) == [("r1", 99), ("r2", 1)]
    assert rollout.next_step_time == 0  # nothing moves until the gateway serves this
    assert step(goal("r2"), rollout, T0 + SECOND) == rollout

    rollout = observe_ready(rollout, T0 + 2 * SECOND, 20)
    assert rollout.configurations[0].steps.step_size == 11
    assert rollout.next_step_time == T0 + 4 * SECOND
    assert observe_ready(rollout, T0 + 3 * SECOND, 20) == rollout

    seen = []
    while not rollout.is_done:
        rollout = step(goal("r2"), rollout, rollout.next_step_time)
        seen.append(shares(rollout)[-1][1])
    assert seen == [12, 23, 34, 45, 56, 67, 78, 89, 100]
    assert rollout == goal("r2")


def test_nothing_moves_before_its_time() -> None:
    rollout = observe_ready(step(goal("r2"), goal("r1"), T0), T0, 10)
    assert step(goal("r2"), rollout, rollout.next_step_time - 1) == rollout


def test_newer_revision_starts_anew_from_its_youngest_predecessor() -> None:
    rollout = observe_ready(step(goal("r2"), goal("r1"), T0), T0, 10)
    rollout = step(goal("r2"), rollout, rollout.next_step_time)
    assert shares(rollout) == [("r1", 88), ("r2", 12)]
    rollout = step(goal("r3"), rollout, T0 + 5 * SECOND)
    assert shares(rollout) == [("r1", 88), ("r2", 11), ("r3", 1)]
    assert rollout.configurations[0].steps.step_size == 0


def test_change_of_the_share_goes_to_the_newest_and_comes_from_the_oldest() -> None:
    rollout = step(goal("r2", 50), goal("r1", 50), T0)
    assert shares(step(goal("r2", 80), rollout, T0)) == [("r1", 49), ("r2", 31)]
    assert shares(step(goal("r2", 20), rollout, T0)) == [("r1", 19), ("r2", 1)]


@pytest.mark.parametrize("percent", [1, 100])
def test_new_targets_and_tiny_ones_do_not_wait(percent: int) -> None:
    previous = goal("r1", percent, tag="other" if percent == 100 else "")
    assert step(goal("r2", percent), previous, T0) == goal("r2", percent)


def test_state_survives_as_json() -> None:
    rollout = observe_ready(step(goal("r2"), goal("r1"), T0), T0 + SECOND, 60)
    assert parse_rollout(rollout.to_json()) == rollout
    assert goal("r1").to_json() == (
        '{"configurations":[{"configurationName":"hello","percent":100,'
        '"revisions":[{"revisionName":"r1","percent":100}],"stepParams":{}}]}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nonsense",
        '{"configurations":[{}]}',
        '{"configurations":[{"configurationName":"a","percent":100,'
        '"revisions":[{"revisionName":"r","percent":90}]}]}',
    ],
)
def test_broken_state_counts_as_none(text: str) -> None:
    assert parse_rollout(text) is None


def test_rollout_without_targets_is_done() -> None:
    assert Rollout().is_done
    assert Rollout().to_json() == "{}"
    assert Share("r", 1).percent == 1
