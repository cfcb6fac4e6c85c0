from __future__ import annotations

from support_autoscaling import (
    DEPLOYMENT,
    KEY,
    NAME,
    AutoscalingWorld,
    a_deployment,
    an_autoscaler,
    config,
)

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.autoscaling import HPA, Metric, PodAutoscaler
from wakeful.apis.core import Pod
from wakeful.apis.networking import ServerlessService
from wakeful.autoscaler import LoadSample


async def test_a_new_autoscaler_asks_for_its_place_in_the_network_first() -> None:
    """Without a private Service there is nobody to ask for load: no metric, no decision."""
    world = AutoscalingWorld(network=False)
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler())

        found = await world.becomes("SKSReady", "Unknown", "NotReady")
        sks = await world.find(ServerlessService, NAME)

        assert sks is not None
        assert (sks.spec.mode, sks.spec.num_activators) == ("Proxy", 2)
        assert sks.spec.object_ref.name == DEPLOYMENT
        assert sks.metadata.owner_references[0].uid == found.metadata.uid
        assert await world.find(Metric, NAME) is None
        condition = found.status.condition("SKSReady")
        assert condition is not None
        assert condition.message == "No Private Service Name"
        active = found.status.condition("Active")
        assert active is not None
        assert (active.status, active.reason) == ("Unknown", "Queued")


async def test_a_ready_instance_makes_it_ready() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler())
        await world.becomes("SKSReady", "True")
        await world.has_replica()

        found = await world.becomes("Ready", "True")

        assert found.status.service_name == NAME
        assert found.status.metrics_service_name == f"{NAME}-private"
        assert (found.status.desired_scale, found.status.actual_scale) == (-1, 1)
        assert found.status.is_scale_target_initialized
        assert found.status.observed_generation == found.metadata.generation


async def test_its_metric_says_over_which_windows() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(window="30s", panic_window_percentage="20"))

        async def ready() -> Metric | None:
            metric = await world.find(Metric, NAME)
            return metric if metric and metric.status.conditions else None

        metric = await world.eventually(ready)

        assert metric.spec.stable_window == 30_000_000_000
        assert metric.spec.panic_window == 6_000_000_000
        assert metric.spec.scrape_target == f"{NAME}-private"
        assert metric.status.conditions[0].status == "True"


async def test_a_held_request_scales_from_zero_without_a_tick() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment(0))
        await world.given(an_autoscaler(inactive_for=600, desired=0))
        await world.eventually(lambda: len(world.deciders))

        world.deciders.poke("default", NAME)

        await world.scaled_to(1)
        found = await world.becomes("Active", "Unknown", "Queued")
        assert found.status.desired_scale == 1
        await world.has_replica()
        await world.becomes("Active", "True")


async def test_a_scale_that_was_lost_is_written_again() -> None:
    """Somebody else's hand on the Deployment is undone while there is a decision to keep."""
    world = AutoscalingWorld()
    async with world.running():
        deployment = await world.given(a_deployment(0))
        await world.given(an_autoscaler(inactive_for=600, desired=0))
        await world.eventually(lambda: len(world.deciders))
        world.deciders.poke("default", NAME)
        await world.scaled_to(1)

        latest = await world.latest(deployment)
        latest.spec.replicas = 0
        await world.client.update(latest)

        await world.scaled_to(1)


async def test_load_scales_up_to_the_limit() -> None:
    """Fifty concurrent at target ten would be eight; max-scale says three."""
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(target="10", max_scale="3"))
        await world.becomes("SKSReady", "True")
        await world.has_replica()
        world.load.samples = {KEY: LoadSample(50, 50)}

        await world.tick()

        await world.scaled_to(3)
        report = world.deciders.explain("default", NAME)
        assert report is not None
        assert "max-scale cuts" in report.reasons[-1]
        assert report.want == 3


async def test_without_limit_fifty_concurrent_want_eight() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(target="10"))
        await world.becomes("SKSReady", "True")
        await world.has_replica()
        world.load.samples = {KEY: LoadSample(50, 50)}

        await world.tick()

        await world.scaled_to(8)


async def test_min_scale_is_kept_without_any_load() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(active_for=600, min_scale="2"))
        await world.becomes("SKSReady", "True")
        await world.has_replica()

        await world.tick()

        await world.scaled_to(2)


class TestTheWayToZero:
    async def test_long_active_and_idle_becomes_inactive_with_its_instance(self) -> None:
        world = AutoscalingWorld()
        async with world.running():
            await world.given(a_deployment())
            await world.given(an_autoscaler(active_for=600))
            await world.has_replica()
            await world.eventually(lambda: len(world.deciders))

            await world.tick()

            found = await world.becomes("Active", "False", "NoTraffic")
            assert found.status.desired_scale == 0
            assert await world.replicas() == 1

    async def test_after_the_grace_period_the_instance_goes(self) -> None:
        world = AutoscalingWorld()
        async with world.running():
            await world.given(a_deployment())
            await world.given(an_autoscaler(inactive_for=31, desired=0))
            await world.has_replica()
            await world.eventually(lambda: len(world.deciders))

            await world.tick()

            await world.scaled_to(0)

    async def test_briefly_active_and_idle_keeps_one(self) -> None:
        world = AutoscalingWorld()
        async with world.running():
            await world.given(a_deployment(3))
            await world.given(an_autoscaler(active_for=5))
            await world.has_replica()
            await world.eventually(lambda: len(world.deciders))

            await world.tick()

            await world.scaled_to(1)
            await world.becomes("Active", "True")

    async def test_nothing_goes_before_there_is_a_decision(self) -> None:
        """A control plane that has just started knows nothing and leaves everything alone."""
        world = AutoscalingWorld()
        async with world.running():
            await world.given(a_deployment(3))
            await world.given(an_autoscaler(active_for=600, desired=3))
            await world.has_replica()
            await world.eventually(lambda: len(world.deciders))
            await world.becomes("SKSReady", "True")

            found = await world.autoscaler()

            assert found.status.desired_scale == 3
            assert await world.replicas() == 3

    async def test_a_sleeping_one_stays_asleep_over_a_restart(self) -> None:
        world = AutoscalingWorld()
        async with world.running():
            await world.given(a_deployment(0))
            await world.given(an_autoscaler(inactive_for=600, desired=0))
            await world.eventually(lambda: len(world.deciders))

            await world.tick()
            await world.tick()

            found = await world.becomes("Active", "False", "NoTraffic")
            assert found.status.desired_scale == 0
            assert await world.replicas() == 0


async def test_the_gate_leaves_the_path_when_there_is_room() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(target_burst_capacity="0"))
        await world.becomes("SKSReady", "True")
        await world.has_replica()
        world.load.samples = {KEY: LoadSample(5, 5)}

        await world.tick()

        async def serves() -> bool:
            sks = await world.find(ServerlessService, NAME)
            return sks is not None and sks.spec.mode == "Serve"

        await world.eventually(serves)


async def test_a_changed_config_map_takes_effect_at_once() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler(active_for=600))
        await world.becomes("SKSReady", "True")
        await world.has_replica()

        live = await world.given(config(min_scale="2"))
        await world.tick()
        await world.scaled_to(2)
        await world.client.update(
            live.model_copy(update={"data": {"min-scale": "4", "_example": "nonsense"}})
        )

        await world.scaled_to(4)


async def test_a_broken_config_map_changes_nothing() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(config(min_scale="2"))
        await world.given(a_deployment())
        await world.given(an_autoscaler(active_for=600))
        await world.becomes("SKSReady", "True")
        await world.has_replica()
        await world.tick()
        await world.scaled_to(2)

        await world.client.patch(
            type(config()),
            "config-autoscaler",
            "knative-serving",
            {"data": {"min-scale": "many"}},
        )
        world.autoscaling.controller.enqueue(KEY)
        await world.eventually(lambda: world.autoscaling.controller.queue.is_idle)

        assert await world.replicas() == 2


async def test_a_name_that_is_taken_is_reported() -> None:
    world = AutoscalingWorld(network=False)
    async with world.running():
        stranger = ServerlessService.from_wire(
            {
                "metadata": {"name": NAME, "namespace": "default"},
                "spec": {
                    "mode": "Proxy",
                    "protocolType": "http1",
                    "objectRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
                },
            }
        )
        await world.given(stranger)
        await world.given(a_deployment())
        await world.given(an_autoscaler())

        found = await world.becomes("Active", "False", "NotOwned")

        active = found.status.condition("Active")
        assert active is not None
        assert active.message == (
            f'There is an existing ServerlessService "{NAME}" that we do not own.'
        )


async def test_a_deleted_autoscaler_is_decided_upon_no_more() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler())
        await world.eventually(lambda: len(world.deciders))

        await world.client.delete(PodAutoscaler, NAME, "default")

        await world.eventually(lambda: not len(world.deciders))


async def test_a_changed_class_hands_the_revision_over() -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment())
        await world.given(an_autoscaler())
        await world.eventually(lambda: len(world.deciders))

        await world.client.patch(
            PodAutoscaler,
            NAME,
            "default",
            {"metadata": {"annotations": {"autoscaling.knative.dev/class": HPA}}},
        )

        await world.eventually(lambda: not len(world.deciders))


async def test_pods_are_counted_by_revision_while_ready_and_not_leaving() -> None:
    world = AutoscalingWorld()
    async with world.running():
        first = await world.has_replica("a")
        await world.has_replica("b")
        await world.has_replica("c", ready=False)
        count = world.deciders._ready
        await world.eventually(lambda: count(KEY) == 2)
        assert count(NamespacedName("other", NAME)) == 0

        await world.client.delete(Pod, first.metadata.name, "default", grace_period_seconds=0)

        await world.eventually(lambda: count(KEY) == 1)
