from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import pytest

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import ConflictError
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import apps, autoscaling, caching, core, networking, routing, serving
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.networking import Certificate, Ingress, LoadBalancerIngressStatus
from wakeful.client import Change
from wakeful.oci.errors import ImageNotFoundError
from wakeful.reconciler.serving import GatewayAddress, add_controllers
from wakeful.testing.world import World

SCHEME = Scheme(
    (
        *core.RESOURCES,
        *apps.RESOURCES,
        *autoscaling.RESOURCES,
        *caching.RESOURCES,
        *networking.RESOURCES,
        *routing.RESOURCES,
        *serving.RESOURCES,
    )
)


class Registry:
    """Knows every image but those called missing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(
        self,
        image: str,
        *,
        keychain: Any = None,
        skip_registries: Collection[str] = (),
        timeout: float = 10.0,
    ) -> str:
        self.asked.append(image)
        if "missing" in image:
            raise ImageNotFoundError(image)
        return f"registry.test/{image.partition(':')[0]}@sha256:{'a' * 64}"


class Surroundings:
    """Plays node, autoscaler and gateway: whatever is asked for comes up at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: set[str] = set()
        """Substrings of images whose containers never become ready."""
        self._queue: asyncio.Queue[Object] = asyncio.Queue()
        for model in (Deployment, PodAutoscaler, Ingress, Certificate):
            world.manager.informer(model).add_handler(self._on_change)
        world.manager.add(self)

    name = "surroundings"

    def _on_change(self, change: Change[Any]) -> None:
        if change.new is not None:
            self._queue.put_nowait(change.new)

    async def run(self) -> None:
        while True:
            obj = await self._queue.get()
            fresh: Any = await self._world.client.find(
                type(obj), obj.metadata.name, obj.metadata.namespace
            )
            if fresh is None:
                continue
            before = fresh.status.to_wire()
            self._bring_up(fresh)
            if fresh.status.to_wire() != before:
                try:
                    await self._world.client.update_status(fresh)
                except ConflictError:
                    self._queue.put_nowait(obj)

    def _bring_up(self, obj: Object) -> None:
        match obj:
            case Deployment():
                if self._is_broken(obj):
                    return
                obj.status.observed_generation = obj.metadata.generation
                obj.status.replicas = obj.status.ready_replicas = obj.spec.replicas or 0
                obj.status.available_replicas = obj.spec.replicas or 0
                obj.status.conditions = [WorkloadCondition(type="Progressing", status="True")]
            case PodAutoscaler():
                deployment = self._world.manager.informer(Deployment).get(
                    obj.spec.scale_target_ref.name, obj.metadata.namespace
                )
                if deployment is None or self._is_broken(deployment):
                    return
                status = obj.status
                status.observed_generation = obj.metadata.generation
                status.service_name = obj.metadata.name
                status.actual_scale = status.desired_scale = 1
                if not (ready := status.condition(READY)) or not ready.is_true:
                    status.mark_active()
                    status.mark_scale_target_initialized()
                    status.mark_sks_ready()
            case Certificate():
                obj.status.observed_generation = obj.metadata.generation
                if not obj.is_ready:
                    obj.status.mark_ready()
            case Ingress():
                obj.status.observed_generation = obj.metadata.generation
                if not obj.is_ready:
                    gateway = LoadBalancerIngressStatus(domain_internal="gateway.internal")
                    obj.status.mark_network_configured()
                    obj.status.mark_load_balancer_ready([gateway], [gateway])

    def _is_broken(self, deployment: Deployment) -> bool:
        images = [c.image for c in deployment.spec.template.spec.containers]
        return any(part in image for part in self.broken for image in images)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def world() -> World:
    return World(SCHEME)


@pytest.fixture
def surroundings(world: World) -> Surroundings:
    return Surroundings(world)


@pytest.fixture
async def platform(
    world: World, registry: Registry, surroundings: Surroundings
) -> AsyncIterator[World]:
    """Serving's controllers, running."""
    add_controllers(world.manager, resolver=registry, gateway=GatewayAddress(8080, 8443))
    async with world.running():
        yield world


@pytest.fixture
def a_service() -> Callable[..., serving.Service]:
    """Build Services from an image and, if wanted, traffic and metadata."""

    def build(
        name: str = "hello",
        image: str = "busybox",
        traffic: list[dict[str, Any]] | None = None,
        revision: str = "",
        env: dict[str, str] | None = None,
        **metadata: Any,
    ) -> serving.Service:
        container: dict[str, Any] = {"image": image}
        if env:
            container["env"] = [{"name": k, "value": v} for k, v in env.items()]
        template: dict[str, Any] = {"spec": {"containers": [container]}}
        if revision:
            template["metadata"] = {"name": revision}
        return serving.Service.from_wire(
            {
                "metadata": {"name": name, "namespace": "default"} | metadata,
                "spec": {"template": template} | ({"traffic": traffic} if traffic else {}),
            }
        )

    return build
