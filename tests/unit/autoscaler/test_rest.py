"""How a revision rests at zero."""

from __future__ import annotations

import pytest

from wakeful.autoscaler.rest import Resting, RestPlan, plan_rest

NOW = 1000.0


@pytest.mark.parametrize(
    ("rest", "plan"),
    [
        (Resting(replicas=0, instances=0, frozen_since=None), RestPlan(0)),
        (Resting(replicas=3, instances=3, frozen_since=None), RestPlan(1)),
        (Resting(replicas=1, instances=2, frozen_since=None), RestPlan(1)),
        (Resting(replicas=1, instances=1, frozen_since=None), RestPlan(1, freeze=True)),
        (Resting(replicas=1, instances=1, frozen_since=990.0), RestPlan(1, wait_seconds=50.0)),
        (Resting(replicas=1, instances=1, frozen_since=940.0), RestPlan(0)),
        (Resting(replicas=1, instances=0, frozen_since=None), RestPlan(0)),
    ],
)
def test_the_last_instance_is_frozen_for_a_while(rest: Resting, plan: RestPlan) -> None:
    assert plan_rest(60.0, rest, NOW) == plan


def test_no_limit_is_for_ever() -> None:
    rest = Resting(replicas=1, instances=1, frozen_since=0.0)
    assert plan_rest(0.0, rest, NOW) == RestPlan(1)
