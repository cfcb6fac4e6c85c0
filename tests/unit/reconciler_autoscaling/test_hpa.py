from __future__ import annotations

from typing import Any

import pytest
from support_autoscaling import NAME, AutoscalingWorld, a_deployment, an_autoscaler

from wakeful.apis.autoscaling import AutoscalerConfig
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.apis.networking import ServerlessService
from wakeful.reconciler.autoscaling.hpa.resources import make_hpa


async def test_scaling_is_handed_over_and_the_revision_is_active() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(class_name="hpa", metric="cpu", target="75"))
        await world.has_replica()

        found = await world.becomes("Ready", "True")

        hpa = await world.find(HorizontalPodAutoscaler, NAME)
        sks = await world.find(ServerlessService, NAME)
        assert hpa is not None
        assert sks is not None
        assert sks.spec.mode == "Serve"
        assert sks.spec.num_activators == 0
        assert hpa.spec.metrics[0].resource is not None
        assert hpa.spec.metrics[0].resource.target.average_utilization == 75
        assert (found.status.desired_scale, found.status.actual_scale) == (1, 1)
        assert len(world.deciders) == 0


async def test_the_bounds_hold_without_anybody_acting_on_it() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment(0))
        await world.given(an_autoscaler(class_name="hpa", min_scale="2", max_scale="4"))

        await world.scaled_to(2)
        hpa = await world.find(HorizontalPodAutoscaler, NAME)

        assert hpa is not None
        assert (hpa.spec.min_replicas, hpa.spec.max_replicas) == (2, 4)


async def test_what_the_server_fills_in_is_left_alone() -> None:
    """Comparing with defaults on one side only would update for ever."""
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(class_name="hpa"))
        await world.has_replica()
        await world.becomes("Ready", "True")
        before = await world.find(HorizontalPodAutoscaler, NAME)
        assert before is not None

        world.hpa.enqueue_all()
        await world.eventually(lambda: world.hpa.queue.is_idle)

        after = await world.find(HorizontalPodAutoscaler, NAME)
        assert after is not None
        assert after.metadata.resource_version == before.metadata.resource_version


@pytest.mark.parametrize(
    ("annotations", "metrics"),
    [
        ({}, []),
        (
            {"metric": "cpu", "target": "70.2"},
            [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 71},
                    },
                }
            ],
        ),
        (
            {"metric": "memory", "target": "100"},
            [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "memory",
                        "target": {"type": "AverageValue", "averageValue": "100Mi"},
                    },
                }
            ],
        ),
        (
            {"metric": "concurrency", "target": "5"},
            [
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": "concurrency"},
                        "target": {"type": "AverageValue", "averageValue": "5"},
                    },
                }
            ],
        ),
    ],
)
def test_the_target_becomes_a_metric(
    annotations: dict[str, str], metrics: list[dict[str, Any]]
) -> None:
    hpa = make_hpa(an_autoscaler(class_name="hpa", **annotations), AutoscalerConfig())

    spec = hpa.to_wire()["spec"]
    assert spec.get("metrics", []) == metrics
    assert spec["maxReplicas"] == 2**31 - 1
    assert "minReplicas" not in spec


def test_the_window_stabilizes_both_ways() -> None:
    hpa = make_hpa(an_autoscaler(class_name="hpa", window="2m"), AutoscalerConfig())
    rules = {"stabilizationWindowSeconds": 120}
    assert hpa.spec.behavior == {"scaleUp": rules, "scaleDown": rules}
