"""Namespaces begin and end well; dependents follow their owners."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.core import ConfigMap, Namespace, Secret, ServiceAccount
from wakeful.client import Propagation
from wakeful.reconciler.apps import add_apps_controllers
from wakeful.reconciler.core import add_core_controllers
from wakeful.testing.world import World

CA = "-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
async def world(world: World) -> World:
    add_core_controllers(world.manager, root_ca=CA)
    return world


def config_map(name: str, namespace: str = "default", **meta: Any) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace, **meta))


def absent(world: World, model: Any, name: str, namespace: str = "default") -> Any:
    async def check() -> bool:
        return await world.find(model, name, namespace) is None

    return check


async def test_a_new_namespace_is_furnished(world: World) -> None:
    async with world.running():
        await world.given(Namespace(metadata=ObjectMeta(name="team")))
        await world.eventually(lambda: world.find(ServiceAccount, "default", "team"))
        found = await world.eventually(lambda: world.find(ConfigMap, "kube-root-ca.crt", "team"))
        assert found.data == {"ca.crt": CA}
        await world.client.delete(ServiceAccount, "default", "team")
        await world.eventually(lambda: world.find(ServiceAccount, "default", "team"))


async def test_a_namespace_takes_its_content_along(world: World) -> None:
    async with world.running():
        await world.given(Namespace(metadata=ObjectMeta(name="team")))
        await world.given(config_map("held", "team", finalizers=["example.com/hold"]))
        await world.given(config_map("free", "team"))
        await world.client.delete(Namespace, "team")

        async def says_why() -> bool:
            found = await world.find(Namespace, "team")
            assert found is not None
            assert found.status.phase == "Terminating"
            conditions = {c.type: c for c in found.status.conditions}
            held = conditions.get("NamespaceFinalizersRemaining")
            return held is not None and held.message == (
                "Some content in the namespace has finalizers remaining:"
                " example.com/hold in 1 resource instances"
            )

        await world.eventually(says_why)
        assert await world.find(ConfigMap, "free", "team") is None
        patch = {"metadata": {"finalizers": None}}
        await world.client.patch(ConfigMap, "held", "team", patch)
        await world.eventually(absent(world, Namespace, "team"))


def owner(name: str = "owner") -> Secret:
    return Secret(metadata=ObjectMeta(name=name, namespace="default"))


async def test_dependents_go_after_their_owner(world: World) -> None:
    """In the background, through as many generations as there are."""
    async with world.running():
        first = await world.given(owner())
        child = await world.given(config_map("child", owner_references=[owner_reference(first)]))
        await world.given(config_map("grandchild", owner_references=[owner_reference(child)]))
        await world.given(config_map("stranger"))
        await world.client.delete(Secret, "owner", "default")
        await world.eventually(absent(world, ConfigMap, "grandchild"))
        assert await world.find(ConfigMap, "child") is None
        assert await world.find(ConfigMap, "stranger") is not None


async def test_one_living_owner_is_enough(world: World) -> None:
    """The reference to the dead one is dropped."""
    async with world.running():
        dead, alive = await world.given(owner("dead")), await world.given(owner("alive"))
        references = [owner_reference(dead, controller=False), owner_reference(alive)]
        await world.given(config_map("child", owner_references=references))
        await world.client.delete(Secret, "dead", "default")

        async def dropped() -> bool:
            found = await world.find(ConfigMap, "child")
            assert found is not None
            return [r.name for r in found.metadata.owner_references] == ["alive"]

        await world.eventually(dropped)


async def test_an_owner_that_never_was_counts_as_gone(world: World) -> None:
    """Same name, other uid: not the owner."""
    async with world.running():
        reference = owner_reference(await world.given(owner()))
        reference.uid = "somebody-else"
        await world.given(config_map("child", owner_references=[reference]))
        await world.eventually(absent(world, ConfigMap, "child"))


async def test_foreground_deletion_waits_for_dependents(world: World) -> None:
    async with world.running():
        first = await world.given(owner())
        reference = owner_reference(first)
        await world.given(
            config_map("child", owner_references=[reference], finalizers=["example.com/hold"])
        )
        await world.client.delete(Secret, "owner", "default", propagation=Propagation.FOREGROUND)

        async def child_is_going() -> bool:
            found = await world.find(ConfigMap, "child")
            return found is not None and found.is_deleting

        await world.eventually(child_is_going)
        assert await world.find(Secret, "owner") is not None
        await world.client.patch(ConfigMap, "child", "default", {"metadata": {"finalizers": None}})
        await world.eventually(absent(world, Secret, "owner"))
        assert await world.find(ConfigMap, "child") is None


async def test_orphaning_lets_dependents_go(world: World) -> None:
    async with world.running():
        first = await world.given(owner())
        await world.given(config_map("child", owner_references=[owner_reference(first)]))
        await world.client.delete(Secret, "owner", "default", propagation=Propagation.ORPHAN)
        await world.eventually(absent(world, Secret, "owner"))
        found = await world.find(ConfigMap, "child")
        assert found is not None
        assert found.metadata.owner_references == []


async def test_kinds_of_users_take_part(world: World) -> None:
    """An object of a kind made a moment ago owns and is owned like any other."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
    call = world.client.transport.call
    async with world.running():
        await call(
            APIRequest(
                Verb.CREATE,
                "apiextensions.k8s.io",
                "v1",
                "customresourcedefinitions",
                body=definition,
            )
        )
        first = await world.given(owner())
        thing = {
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "metadata": {
                "name": "thing",
                "namespace": "default",
                "ownerReferences": [owner_reference(first).to_wire()],
            },
        }
        made = await call(
            APIRequest(Verb.CREATE, "example.com", "v1", "things", namespace="default", body=thing)
        )
        reference = owner_reference(first)
        reference.api_version, reference.kind = "example.com/v1", "Thing"
        reference.name, reference.uid = "thing", made["metadata"]["uid"]
        await world.given(config_map("child", owner_references=[reference]))
        await world.client.delete(Secret, "owner", "default")
        await world.eventually(absent(world, ConfigMap, "child"))


async def test_deployments_go_with_all_they_made(world: World) -> None:
    add_apps_controllers(world.manager)
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    made = {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
    async with world.running():
        await world.given(Deployment.from_wire(made))
        await world.eventually(lambda: world.all(ReplicaSet))
        await world.client.delete(Deployment, "web", "default", propagation=Propagation.FOREGROUND)
        await world.eventually(absent(world, Deployment, "web"))
        assert await world.all(ReplicaSet) == []
