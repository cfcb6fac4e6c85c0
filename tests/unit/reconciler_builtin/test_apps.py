"""Deployments and replica sets against the real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wakeful.apimachinery.errors import ForbiddenError
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PodCondition
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.reconciler.apps import add_apps_controllers
from wakeful.testing.world import World


def deployment(name: str = "web", image: str = "i:1", **spec: Any) -> Deployment:
    spec.setdefault("selector", {"matchLabels": {"app": name}})
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    wire = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": template, **spec},
    }
    return Deployment.from_wire(wire)


async def pods(world: World) -> list[Pod]:
    return [pod for pod in await world.all(Pod) if pod.is_active]


async def count(world: World, number: int) -> bool:
    return len(await pods(world)) == number


async def complete(world: World) -> Deployment | None:
    """Play the node until the deployment is complete."""
    for pod in await pods(world):
        if not pod.is_ready:
            pod.status.phase = "Running"
            pod.status.conditions = [PodCondition(type="Ready", status="True")]
            await world.client.update_status(pod)
    found = await world.find(Deployment, "web")
    assert found is not None
    status, wanted = found.status, found.spec.replicas
    done = (
        status.observed_generation == found.metadata.generation
        and status.updated_replicas == status.replicas == status.available_replicas == wanted
    )
    return found if done else None


def condition(found: Deployment, kind: str) -> tuple[str, str]:
    have = found.status.condition(kind)
    return (have.status, have.reason) if have is not None else ("", "")


async def test_deployment_becomes_available(world: World) -> None:
    """Its pods are made once, owned all the way up, and counted when they are ready."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=3))
        await world.eventually(lambda: count(world, 3))
        found = await world.eventually(lambda: complete(world))

    (replica_set,) = await world.all(ReplicaSet)
    assert len(await world.all(Pod)) == 3
    for pod in await world.all(Pod):
        (ref,) = pod.metadata.owner_references
        assert (ref.kind, ref.name, ref.controller) == (
            "ReplicaSet",
            replica_set.metadata.name,
            True,
        )
        assert pod.metadata.labels == {
            "app": "web",
            "pod-template-hash": replica_set.metadata.name.removeprefix("web-"),
        }
    assert condition(found, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(found, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "1"
    assert replica_set.metadata.annotations == {
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }


async def test_waking_from_zero_writes_the_pod_first(world: World) -> None:
    """From 0 to 1, nothing but the two new sizes is stored before the pod is."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=0))
        asleep = await world.eventually(lambda: complete(world))
        asleep.spec.replicas = 1
        awake = await world.client.update(asleep)
        await world.eventually(lambda: count(world, 1))
    (pod,) = await pods(world)
    assert int(pod.metadata.resource_version) == int(awake.metadata.resource_version) + 2


async def test_rolling_update_stays_within_its_bounds(
    world: World, make_ready: Callable[..., Any]
) -> None:
    """Never more than replicas + surge pods, never fewer than allowed available."""
    add_apps_controllers(world.manager)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    async with world.running():
        await world.given(deployment(replicas=3, strategy=strategy))
        found = await world.eventually(lambda: complete(world))
        found.spec.template.spec.containers[0].image = "i:2"
        await world.client.update(found)

        async def step() -> Deployment | None:
            alive = await pods(world)
            assert len(alive) <= 4
            assert sum(pod.is_ready for pod in alive) >= 3
            waiting = [pod for pod in alive if not pod.is_ready]
            if waiting:
                await make_ready(waiting[0])
            now = await world.latest(found)
            status = now.status
            rolled = status.observed_generation == now.metadata.generation
            whole = status.updated_replicas == status.available_replicas == status.replicas == 3
            return now if rolled and whole else None

        done = await world.eventually(step)
    images = {pod.spec.containers[0].image for pod in await pods(world)}
    assert images == {"i:2"}
    assert done.metadata.annotations["deployment.kubernetes.io/revision"] == "2"
    sizes = {
        r.spec.template.spec.containers[0].image: r.spec.replicas
        for r in await world.all(ReplicaSet)
    }
    assert sizes == {"i:1": 0, "i:2": 3}


async def test_going_back_makes_the_old_replica_set_new_again(world: World) -> None:
    """Undo reuses the replica set and gives it the next revision."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=1))
        for image in ("i:2", "i:1"):
            found = await world.eventually(lambda: complete(world))
            found.spec.template.spec.containers[0].image = image
            await world.client.update(found)
        await world.eventually(lambda: complete(world))
    sets = {r.spec.template.spec.containers[0].image: r for r in await world.all(ReplicaSet)}
    assert sets.keys() == {"i:1", "i:2"}
    assert sets["i:1"].spec.replicas == 1
    annotations = sets["i:1"].metadata.annotations
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


async def test_recreate_ends_the_old_before_the_new_begins(world: World) -> None:
    """Old and new pods never live at the same time."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=2, strategy={"type": "Recreate"}))
        found = await world.eventually(lambda: complete(world))
        found.spec.template.spec.containers[0].image = "i:2"
        await world.client.update(found)

        async def step() -> Deployment | None:
            images = {pod.spec.containers[0].image for pod in await world.all(Pod)}
            assert len(images) <= 1
            return await complete(world) if images == {"i:2"} else None

        await world.eventually(step)


async def test_paused_deployments_scale_but_do_not_roll(world: World) -> None:
    """A paused deployment keeps its template where it is."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=1))
        found = await world.eventually(lambda: complete(world))
        found.spec.paused = True
        found.spec.replicas = 2
        found.spec.template.spec.containers[0].image = "i:2"
        await world.client.update(found)
        await world.eventually(lambda: count(world, 2))
        assert {p.spec.containers[0].image for p in await pods(world)} == {"i:1"}

        async def is_paused() -> bool:
            now = await world.latest(found)
            return condition(now, "Progressing") == ("Unknown", "DeploymentPaused")

        await world.eventually(is_paused)


async def test_scaling_down_spares_ready_pods(world: World, make_ready: Callable[..., Any]) -> None:
    """A pod that is not ready goes before one that is."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=3))
        await world.eventually(lambda: count(world, 3))
        ready = (await pods(world))[1]
        await make_ready(ready)
        (replica_set,) = await world.all(ReplicaSet)

        async def seen() -> bool:
            return (await world.latest(replica_set)).status.ready_replicas == 1

        await world.eventually(seen)
        found = await world.find(Deployment, "web")
        assert found is not None
        found.spec.replicas = 1
        await world.client.update(found)
        await world.eventually(lambda: count(world, 1))
    assert [pod.metadata.name for pod in await pods(world)] == [ready.metadata.name]


async def test_pods_that_cannot_be_made_are_reported(world: World) -> None:
    """The refusal's words reach the replica set and the deployment."""
    refused = World(world.scheme, hooks=[_refuse_pods])
    await refused.prepare()
    add_apps_controllers(refused.manager)
    async with refused.running():
        await refused.given(deployment(replicas=1))

        async def reported() -> str:
            found = await refused.find(Deployment, "web")
            have = found.status.condition("ReplicaFailure") if found is not None else None
            return have.message if have is not None and have.reason == "FailedCreate" else ""

        assert await refused.eventually(reported) == "pods are not welcome"


async def test_a_refusal_is_not_repeated_at_full_speed(world: World) -> None:
    """Messages name another Pod each time; that changes no status, which would retry at once."""
    names: list[str] = []

    def refuse(request: AdmissionRequest) -> None:
        if request.resource.kind == "Pod":
            names.append(str(request.name))
            raise ForbiddenError(f"pod {request.name} is not welcome")

    refused = World(world.scheme, hooks=[refuse])
    await refused.prepare()
    add_apps_controllers(refused.manager)
    async with refused.running():
        await refused.given(deployment(replicas=1))

        async def tried_again() -> bool:
            return len(names) > 1

        await refused.eventually(tried_again)
        (replica_set,) = await refused.all(ReplicaSet)
        have = replica_set.status.condition("ReplicaFailure")

    assert len(names) == 2
    assert have is not None
    assert have.message == f"pod {names[0]} is not welcome"


def _refuse_pods(request: AdmissionRequest) -> None:
    if request.resource.kind == "Pod":
        raise ForbiddenError("pods are not welcome")


async def test_a_lost_pod_is_replaced_and_an_orphan_adopted(world: World) -> None:
    """What matches the selector and belongs to nobody is taken in instead of made anew."""
    add_apps_controllers(world.manager)
    async with world.running():
        await world.given(deployment(replicas=2))
        await world.eventually(lambda: count(world, 2))
        lost, orphan = await pods(world)
        await world.client.delete(Pod, lost.metadata.name, "default")
        await world.eventually(lambda: count(world, 2))

        patch = {"metadata": {"ownerReferences": None}}
        await world.client.patch(Pod, orphan.metadata.name, "default", patch)

        async def adopted() -> bool:
            found = await world.find(Pod, orphan.metadata.name)
            return found is not None and len(found.metadata.owner_references) == 1

        await world.eventually(adopted)
