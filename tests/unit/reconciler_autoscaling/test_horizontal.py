"""HorizontalPodAutoscalers on an API server: measured, scaled, reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from support_autoscaling import (
    DEPLOYMENT,
    NAME,
    REVISION,
    AutoscalingWorld,
    a_deployment,
    an_autoscaler,
)

from wakeful.aio import SystemClock
from wakeful.apimachinery.meta import format_time
from wakeful.apis.core import Event, Pod
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.reconciler.autoscaling import add_horizontal_controller


class Meter:
    """Says what the test tells it to of every pod it knows."""

    def __init__(self) -> None:
        self.cores: dict[str, float] = {}

    async def pods(self, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": pod, "namespace": "default"},
                "timestamp": format_time(datetime.now(UTC)),
                "window": "5s",
                "containers": [
                    {
                        "name": "user-container",
                        "usage": {"cpu": f"{int(cores * 1000)}m", "memory": "60Mi"},
                    }
                ],
            }
            for pod, cores in self.cores.items()
        ]

    def node(self) -> dict[str, Any]:
        return {}


class QuickClock(SystemClock):
    """A real clock whose seconds can be skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.skipped)

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped


class HorizontalWorld(AutoscalingWorld):
    def __init__(self) -> None:
        super().__init__()
        self.meter, self.quick = Meter(), QuickClock()
        self.horizontal = add_horizontal_controller(self.manager, self.meter, clock=self.quick)

    async def a_pod(self, name: str, cores: float, *, request: str = "1") -> None:
        long_ago = format_time(datetime.now(UTC) - timedelta(hours=1))
        resources = {"requests": {"cpu": request}} if request else {}
        self.meter.cores[name] = cores
        pod = Pod.from_wire(
            {
                "metadata": {"name": name, "namespace": "default", "labels": {REVISION: NAME}},
                "spec": {
                    "containers": [
                        {"name": "user-container", "image": "hello", "resources": resources}
                    ]
                },
                "status": {
                    "phase": "Running",
                    "startTime": long_ago,
                    "conditions": [
                        {"type": "Ready", "status": "True", "lastTransitionTime": long_ago}
                    ],
                },
            }
        )
        await self.given(pod)

    async def skip(self, seconds: float) -> None:
        self.quick.skipped += seconds
        for controller in self.manager._runnables:
            if getattr(controller, "name", "") == "horizontal":
                controller.enqueue_all()

    async def look_twice(self) -> None:
        """What pods use is known from the second look on."""

        async def has_looked() -> bool:
            hpa = await self.find(HorizontalPodAutoscaler, NAME)
            return hpa is not None and bool(hpa.status.observed_generation)

        await self.eventually(has_looked)
        await self.skip(5)

    async def the_hpa(self) -> HorizontalPodAutoscaler:
        found = await self.find(HorizontalPodAutoscaler, NAME)
        assert found is not None
        return found

    async def condition_is(self, kind: str, status: str, reason: str) -> None:
        async def check() -> bool:
            conditions = (await self.the_hpa()).status.conditions
            return any((c.type, c.status, c.reason) == (kind, status, reason) for c in conditions)

        await self.eventually(check)


def an_hpa(**spec: Any) -> HorizontalPodAutoscaler:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT}
    return HorizontalPodAutoscaler.from_wire(
        {
            "metadata": {"name": NAME, "namespace": "default"},
            "spec": {"scaleTargetRef": reference, "maxReplicas": 5} | spec,
        }
    )


async def test_busy_pods_get_company_and_the_autoscaler_says_so() -> None:
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.a_pod("a", 2.0)
        await world.given(an_hpa())  # 80 % of cpu, unless said otherwise
        await world.look_twice()

        await world.scaled_to(3)
        await world.condition_is("AbleToScale", "True", "SucceededRescale")

        hpa = await world.the_hpa()
        assert hpa.status.desired_replicas == 3
        assert hpa.status.last_scale_time is not None
        seen = hpa.status.current_metrics[0].resource
        assert seen is not None
        assert seen.current.average_utilization == 200
        assert seen.current.average_value == "2"
        await world.condition_is("ScalingActive", "True", "ValidMetricFound")
        await world.condition_is("ScalingLimited", "False", "DesiredWithinRange")

        async def event() -> bool:
            wanted = "New size: 3; reason: cpu resource utilization (percentage of request)"
            events = await world.all(Event, "default")
            return any(
                e.reason == "SuccessfulRescale" and e.message == f"{wanted} above target"
                for e in events
            )

        await world.eventually(event)
        report = world.horizontal.explain("default", NAME)
        assert report is not None
        assert report.want == 3
        assert report.reasons[0].startswith("cpu: 200 % of the request")


async def test_memory_is_a_metric_too_and_the_largest_answer_counts() -> None:
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "15Mi"}}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.a_pod("a", 0.5)
        metrics = [{"type": "Resource", "resource": m} for m in (cpu, memory)]
        await world.given(an_hpa(metrics=metrics))
        await world.look_twice()

        await world.scaled_to(4)


async def test_idle_pods_leave_after_the_stabilization_window() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment(3))
        for name in "abc":
            await world.a_pod(name, 0.1)
        await world.given(an_hpa(behavior=behavior))
        await world.condition_is("AbleToScale", "True", "ScaleDownStabilized")
        assert await world.replicas() == 3

        await world.skip(61)

        await world.scaled_to(1)


async def test_bounds_are_kept_without_figures() -> None:
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment(9))
        await world.given(an_hpa(minReplicas=2))

        await world.scaled_to(5)


async def test_what_is_missing_is_said() -> None:
    world = HorizontalWorld()
    async with world.running():
        await world.given(an_hpa())
        await world.condition_is("AbleToScale", "False", "FailedGetScale")

        await world.given(a_deployment())
        await world.a_pod("a", 3, request="")
        await world.skip(5)
        await world.condition_is("ScalingActive", "False", "FailedGetResourceMetric")

        condition = next(c for c in (await world.the_hpa()).status.conditions if "Active" in c.type)
        assert "missing request for cpu in container user-container of Pod a" in condition.message
        assert await world.replicas() == 1


async def test_metrics_of_others_are_refused_in_words() -> None:
    pods = {"metric": {"name": "concurrency"}, "target": {"averageValue": "5"}}
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_hpa(metrics=[{"type": "Pods", "pods": pods}]))

        await world.condition_is("ScalingActive", "False", "FailedGetPodsMetric")


async def test_zero_is_left_alone() -> None:
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment(0))
        await world.given(an_hpa())

        await world.condition_is("ScalingActive", "False", "ScalingDisabled")
        assert await world.replicas() == 0


async def test_a_revision_of_the_hpa_class_grows_with_its_load() -> None:
    """From the annotations to the scale: the two controllers together."""
    world = HorizontalWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.a_pod("a", 0.9)
        await world.given(an_autoscaler(class_name="hpa", metric="cpu", target="30", max_scale="4"))
        await world.look_twice()

        await world.scaled_to(3)

        async def reported() -> bool:
            return (await world.autoscaler()).status.desired_scale == 3

        await world.eventually(reported)
