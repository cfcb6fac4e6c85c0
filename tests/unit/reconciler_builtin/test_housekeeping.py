"""Claims, pods of lost nodes, old events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from wakeful.aio.clock import ManualClock
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import all_resources
from wakeful.apis.core import (
    Event,
    Node,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
)
from wakeful.reconciler.core.claims.controller import make_claim_controller
from wakeful.reconciler.core.pods.collector import PodCollector
from wakeful.reconciler.core.pods.expiry import EventExpiry
from wakeful.testing.world import World


def claim() -> PersistentVolumeClaim:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    wire = {"metadata": {"name": "data", "namespace": "default"}, "spec": spec}
    return PersistentVolumeClaim.from_wire(wire)


def pod(**spec: Any) -> Pod:
    spec.setdefault("containers", [{"name": "c", "image": "i"}])
    return Pod.from_wire({"metadata": {"name": "p", "namespace": "default"}, "spec": spec})


async def test_claim_is_bound_and_held_while_in_use(world: World) -> None:
    """It gets a directory at once, and goes when the last pod that mounts it has gone."""
    world.manager.add(make_claim_controller(world.manager, world.clock, "/claims"))
    async with world.running():
        await world.given(claim())

        async def bound() -> PersistentVolumeClaim | None:
            found = await world.find(PersistentVolumeClaim, "data")
            return found if found is not None and found.status.phase == "Bound" else None

        found = await world.eventually(bound)
        assert found.status.capacity == {"storage": "1Gi"}
        volume = await world.find(PersistentVolume, found.spec.volume_name)
        assert volume is not None
        assert volume.status.phase == "Bound"
        assert volume.spec.host_path is not None
        assert volume.spec.host_path.path == "/claims/default/data"

        source = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
        await world.given(pod(volumes=[source]))
        await world.client.delete(PersistentVolumeClaim, "data", "default")
        held = await world.find(PersistentVolumeClaim, "data")
        assert held is not None
        assert held.is_deleting
        await world.client.delete(Pod, "p", "default")

        async def gone() -> bool:
            return (
                await world.find(PersistentVolumeClaim, "data") is None
                and await world.find(PersistentVolume, found.spec.volume_name) is None
            )

        await world.eventually(gone)


async def test_pods_of_a_lost_node_are_removed(world: World) -> None:
    """Nobody else could end them; pods of a node that exists are left alone."""
    pods, nodes = world.manager.informer(Pod), world.manager.informer(Node)
    world.manager.add(PodCollector(world.client, pods, nodes, patience_seconds=0.01))
    await world.given(Node(metadata=ObjectMeta(name="here")))
    await world.given(pod(nodeName="here"))
    async with world.running():
        await world.client.delete(Node, "here")

        async def gone() -> bool:
            return await world.find(Pod, "p") is None

        await world.eventually(gone)


async def test_old_events_are_forgotten() -> None:
    clock = ManualClock()
    world = World(Scheme(all_resources()), clock=clock)
    await world.prepare()
    about = ObjectReference(kind="Pod", name="p", namespace="default")
    for name, minutes in (("old", 61), ("new", 59)):
        await world.given(
            Event(
                metadata=ObjectMeta(name=name, namespace="default"),
                involved_object=about,
                last_timestamp=clock.now() - timedelta(minutes=minutes),
            )
        )
    assert await EventExpiry(world.client.transport, clock).sweep() == 1
    assert [event.metadata.name for event in await world.all(Event)] == ["new"]
