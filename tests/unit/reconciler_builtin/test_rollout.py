"""The pure half of deployments and replica sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.core import Pod
from wakeful.reconciler.apps.deployment import progress
from wakeful.reconciler.apps.deployment.rollout import (
    bounds_of,
    initial_size,
    plan_rolling,
    plan_scaling,
)
from wakeful.reconciler.apps.replicaset.resources import rank_for_deletion

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def deployment(replicas: int, surge: Any = "25%", unavailable: Any = "25%") -> Deployment:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    spec = {
        "replicas": replicas,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
    }
    return Deployment.from_wire({"metadata": {"name": "d", "generation": 2}, "spec": spec})


def replica_set(
    name: str, size: int, available: int | None = None, *, desired: int = 0, most: int = 0
) -> ReplicaSet:
    count = size if available is None else available
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(desired or size),
        "deployment.kubernetes.io/max-replicas": str(most or size),
    }
    return ReplicaSet.from_wire(
        {
            "metadata": {"name": name, "uid": name, "annotations": annotations},
            "spec": {"replicas": size},
            "status": {"replicas": size, "readyReplicas": count, "availableReplicas": count},
        }
    )


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "bounds"),
    [
        (4, "25%", "25%", (1, 1)),
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (0, "25%", "25%", (0, 1)),
        (3, 0, "10%", (0, 1)),
        (3, 2, 9, (2, 3)),
    ],
)
def test_bounds(replicas: int, surge: Any, unavailable: Any, bounds: tuple[int, int]) -> None:
    found = bounds_of(deployment(replicas, surge, unavailable))
    assert (found.surge, found.unavailable) == bounds


@pytest.mark.parametrize(
    ("replicas", "new", "old", "sizes"),
    [
        (4, (0, 0), [(4, 4)], {"new": 1}),
        (4, (1, 0), [(4, 4)], {"old0": 3}),
        (4, (1, 0), [(3, 3)], {"new": 2}),
        (4, (2, 0), [(3, 3)], {}),
        (4, (2, 2), [(3, 3)], {"old0": 1}),
        (4, (4, 4), [(1, 1)], {"old0": 0}),
        (4, (4, 3), [(1, 1)], {"old0": 0}),
        (4, (1, 0), [(2, 0), (2, 2)], {"old0": 1}),
        (4, (6, 6), [], {"new": 4}),
    ],
)
def test_steps_of_a_rolling_update(
    replicas: int, new: tuple[int, int], old: list[tuple[int, int]], sizes: dict[str, int]
) -> None:
    fresh = replica_set("new", *new)
    stale = [replica_set(f"old{n}", *counts) for n, counts in enumerate(old)]
    plan = plan_rolling(deployment(replicas), fresh, stale)
    assert {found.metadata.name: size for found, size in plan} == sizes


def test_a_new_set_starts_within_the_bounds() -> None:
    assert initial_size(deployment(4), []) == 4
    assert initial_size(deployment(4), [replica_set("old", 4)]) == 1


def test_scaling_in_the_middle_of_a_rollout_is_proportional() -> None:
    grown = deployment(20)
    new = replica_set("new", 5, 3, desired=10, most=13)
    old = replica_set("old", 8, 8, desired=10, most=13)
    sizes = {found.metadata.name: size for found, size in plan_scaling(grown, new, [old])}
    assert sum(sizes.values()) == 25
    assert sizes == {"new": 10, "old": 15}


def test_scaling_goes_to_the_only_active_set() -> None:
    old = replica_set("old", 0)
    plan = plan_scaling(deployment(3), replica_set("new", 1), [old])
    assert [(found.metadata.name, size) for found, size in plan] == [("new", 3)]


def test_a_rollout_that_gets_nowhere_is_reported_after_its_deadline() -> None:
    made = deployment(1)
    new = replica_set("new", 1, 0)
    assert progress.update_status(made, new, [], NOW) == 600
    have = made.status.condition("Progressing")
    assert have is not None
    assert (have.status, have.reason) == ("True", "ReplicaSetUpdated")

    later = NOW + timedelta(seconds=599)
    assert progress.update_status(made, new, [], later) == 1
    assert progress.update_status(made, new, [], NOW + timedelta(seconds=600)) is None
    have = made.status.condition("Progressing")
    assert have is not None
    assert (have.status, have.reason) == ("False", "ProgressDeadlineExceeded")
    assert have.message == 'ReplicaSet "new" has timed out progressing.'

    progress.update_status(made, replica_set("new", 1), [], NOW + timedelta(seconds=700))
    have = made.status.condition("Progressing")
    assert have is not None
    assert (have.status, have.reason) == ("True", "NewReplicaSetAvailable")


def test_a_complete_rollout_is_not_reported_again_when_it_is_only_scaled() -> None:
    made = deployment(1)
    progress.update_status(made, replica_set("new", 1), [], NOW)
    made.spec.replicas = 3
    later = NOW + timedelta(hours=1)
    assert progress.update_status(made, replica_set("new", 3, 1), [], later) is None
    have = made.status.condition("Progressing")
    assert have is not None
    assert have.reason == "NewReplicaSetAvailable"
    lacking = made.status.condition("Available")
    assert lacking is not None
    assert lacking.reason == "MinimumReplicasUnavailable"


def pod(name: str, **facts: Any) -> Pod:
    ready = facts.get("ready")
    conditions = []
    if ready is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}]
    annotations = {}
    if "cost" in facts:
        annotations["controller.kubernetes.io/pod-deletion-cost"] = facts["cost"]
    statuses = [{"name": "c", "restartCount": facts.get("restarts", 0)}]
    return Pod.from_wire(
        {
            "metadata": {
                "name": name,
                "annotations": annotations,
                "creationTimestamp": facts.get("created", "2026-01-01T00:00:00Z"),
            },
            "spec": {"nodeName": facts.get("node", "here")},
            "status": {
                "phase": facts.get("phase", "Running"),
                "conditions": conditions,
                "containerStatuses": statuses,
            },
        }
    )


def test_those_go_first_whose_loss_hurts_least() -> None:
    early, late = "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"
    order = [
        pod("unbound", node="", phase="Pending"),
        pod("pending", phase="Pending"),
        pod("not-ready"),
        pod("cheap", ready=early, cost="-1"),
        pod("ready-late", ready=late),
        pod("restarted", ready=early, restarts=3),
        pod("young", ready=early, created="2026-01-02T00:00:00Z"),
        pod("old", ready=early),
        pod("dear", ready=early, cost="5"),
    ]
    assert [p.metadata.name for p in rank_for_deletion(order[::-1])] == [
        p.metadata.name for p in order
    ]
