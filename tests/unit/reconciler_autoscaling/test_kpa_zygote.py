"""At zero by way of a zygote: who is ended, who is marked, and who is let go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from support_autoscaling import (
    KEY,
    NAME,
    REVISION,
    AutoscalingWorld,
    a_deployment,
    an_autoscaler,
)

from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PARKED_ANNOTATION, UNFIT, ZYGOTE_ANNOTATION
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.autoscaler import IDLE
from wakeful.reconciler.autoscaling import Parking

AT_ZERO = "autoscaling.wakeful.dev/at-zero"
SINCE = "2026-01-01T00:00:00Z"


def at_rest() -> PodAutoscaler:
    """One that is to go to zero now."""
    made = an_autoscaler(inactive_for=600, desired=0)
    made.metadata.annotations[AT_ZERO] = "zygote"
    return made


async def rest(world: AutoscalingWorld) -> None:
    """Have zero decided upon."""
    await world.eventually(lambda: len(world.deciders))
    world.load.samples[KEY] = IDLE
    await world.tick()


async def an_instance(
    world: AutoscalingWorld,
    name: str,
    *,
    ready: bool,
    containers: list[dict[str, Any]] | None = None,
    **annotations: str,
) -> Pod:
    names = {"parked": PARKED_ANNOTATION, "told": ZYGOTE_ANNOTATION}
    wire: dict[str, Any] = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {REVISION: NAME},
            "annotations": {names[k]: v for k, v in annotations.items()},
        },
        "spec": {"containers": [{"name": "user-container", "image": "hello"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": containers or [],
        },
    }
    return await world.given(Pod.from_wire(wire))


async def test_a_used_instance_makes_place() -> None:
    """It is ended, the scale stays, and whatever is created in its place is marked."""
    parking = Parking()
    world = AutoscalingWorld(parking=parking)
    async with world.running():
        await world.given(a_deployment(1))
        await an_instance(world, "used", ready=True, told="9 modules known")
        await world.given(at_rest())
        await rest(world)

        async def ended() -> bool:
            used = await world.find(Pod, "used")
            return used is None or used.is_deleting

        await world.eventually(ended)
        assert KEY in parking.resting
        assert await world.replicas() == 1

        await an_instance(world, "waits", ready=False, parked=SINCE, told="9 modules imported")

        async def told() -> bool:
            return (await world.autoscaler()).status.at_zero == "zygote: 9 modules imported"

        await world.eventually(told)
        report = world.deciders.explain("default", NAME)
        assert report is not None
        assert "at-zero is zygote: a new instance waits, 9 modules imported" in report.reasons


async def test_a_request_lets_it_go() -> None:
    """The mark goes, the scale is as it was, and the next instance is one like any other."""
    parking = Parking()
    world = AutoscalingWorld(parking=parking)
    async with world.running():
        await world.given(a_deployment(1))
        pod = await an_instance(world, "waits", ready=False, parked=SINCE, told="9 imported")
        await world.given(at_rest())
        await rest(world)
        await world.eventually(lambda: KEY in parking.resting)

        world.deciders.poke("default", NAME)

        async def released() -> bool:
            return PARKED_ANNOTATION not in (await world.latest(pod)).metadata.annotations

        await world.eventually(released)
        assert KEY not in parking.resting
        assert await world.replicas() == 1


async def test_one_between_two_runs_is_not_waited_for() -> None:
    """A request does not wait out a crash's back-off: the instance is ended, for a new one."""
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment(1))
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        status = {"name": "user-container", "restartCount": 1, "state": waiting}
        await an_instance(world, "crashes", ready=False, parked=SINCE, containers=[status])
        await world.given(at_rest())
        await rest(world)

        world.deciders.poke("default", NAME)

        async def ended() -> bool:
            found = await world.find(Pod, "crashes")
            return found is None or found.is_deleting

        await world.eventually(ended)


@pytest.mark.parametrize("told", ["", f"{UNFIT}no Python interpreter took part in the start"])
async def test_what_is_not_fit_is_gone(told: str) -> None:
    world = AutoscalingWorld()
    async with world.running():
        await world.given(a_deployment(1))
        await an_instance(world, "used", ready=True, **({"told": told} if told else {}))
        await world.given(at_rest())
        await rest(world)

        await world.scaled_to(0)
        found = (await world.autoscaler()).status.at_zero
        assert found.startswith("gone: ")
        if told:
            assert found == "gone: no Python interpreter took part in the start"


async def test_instances_learn_of_an_edit_of_the_autoscaler() -> None:
    """A node reads the Pod; what was said at the PodAutoscaler alone gets there by admission."""
    parking = Parking()
    world = AutoscalingWorld(parking=parking)
    labels = {REVISION: NAME}
    meta = {"name": "x", "namespace": "default", "labels": labels}

    def at_zero() -> str | None:
        pod = Pod.from_wire({"metadata": meta})
        parking(cast(AdmissionRequest, SimpleNamespace(obj=pod, old=None, namespace="default")))
        return pod.metadata.annotations.get(AT_ZERO)

    async with world.running():
        await world.given(a_deployment(1))
        scaler = await world.given(at_rest())
        await world.eventually(lambda: at_zero() == "zygote")
        await world.client.patch(
            PodAutoscaler, NAME, "default", {"metadata": {"annotations": {AT_ZERO: None}}}
        )
        await world.eventually(lambda: at_zero() is None)
        assert scaler.metadata.name == NAME


def test_only_new_instances_of_what_rests_are_marked() -> None:
    parking = Parking()
    parking.resting.add(KEY)

    def admitted(revision: str, old: Pod | None = None) -> bool:
        labels = {REVISION: revision}
        pod = Pod.from_wire({"metadata": {"name": "x", "namespace": "default", "labels": labels}})
        request = SimpleNamespace(obj=pod, old=old, namespace="default")
        parking(cast(AdmissionRequest, request))
        return PARKED_ANNOTATION in pod.metadata.annotations

    assert admitted(NAME)
    assert not admitted("other-00001")
    assert not admitted(NAME, old=Pod())
    parking.resting.clear()
    assert not admitted(NAME)


@pytest.mark.parametrize(
    ("state", "replicas"),
    [({"waiting": {"reason": "CrashLoopBackOff"}}, 0), ({"running": {}}, 1)],
)
async def test_one_that_crashes_is_given_up(state: dict[str, Any], replicas: int) -> None:
    """One that runs does not: it may have been renewed as often."""
    parking = Parking()
    world = AutoscalingWorld(parking=parking)
    async with world.running():
        await world.given(a_deployment(1))
        status = {"name": "user-container", "restartCount": 3, "state": state}
        await an_instance(world, "waits", ready=False, parked=SINCE, containers=[status])
        await world.given(at_rest())
        await rest(world)

        async def decided() -> bool:
            return bool((await world.autoscaler()).status.at_zero)

        await world.eventually(decided)
        assert await world.replicas() == replicas
