"""A world with an autoscaler in it, and stand-ins for what is around one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wakeful.aio import SystemClock
from wakeful.apimachinery.conditions import Condition
from wakeful.apimachinery.meta import NamespacedName, ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import apps, autoscaling, core, hpa, networking
from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import HPA, PodAutoscaler, PodAutoscalerStatus
from wakeful.apis.core import ConfigMap, Pod
from wakeful.apis.networking import ServerlessService
from wakeful.autoscaler import LoadSample
from wakeful.controller import Controller
from wakeful.reconciler.autoscaling import (
    Parking,
    add_hpa_controller,
    add_kpa_controller,
    add_metric_controller,
)
from wakeful.testing.world import World

NAME = "hello-00001"
KEY = NamespacedName("default", NAME)
DEPLOYMENT = f"{NAME}-deployment"
REVISION = "serving.knative.dev/revision"
PREFIX = "autoscaling.knative.dev/"


class SteppedClock(SystemClock):
    """Wall time is real, for conditions are stamped with it; seconds pass when a test says so."""

    def __init__(self) -> None:
        self.elapsed = 1_000.0

    def monotonic(self) -> float:
        return self.elapsed


class Load:
    """A gateway that reports what the test says."""

    def __init__(self) -> None:
        self.samples: dict[NamespacedName, LoadSample] = {}

    def collect(self) -> Mapping[NamespacedName, LoadSample] | None:
        return self.samples


class Network:
    """Gives every ServerlessService its two names, as the gateway's reconciler would."""

    async def reconcile_kind(self, service: ServerlessService) -> None:
        name = service.metadata.name
        service.status.service_name = name
        service.status.private_service_name = f"{name}-private"
        service.status.mark_endpoints_ready()
        if service.spec.mode == "Proxy":
            service.status.mark_activator_endpoints_populated()
        else:
            service.status.mark_activator_endpoints_removed()


class AutoscalingWorld(World):
    """The API server with the autoscaling controllers; decisions happen when a test says so."""

    def __init__(self, *, network: bool = True, parking: Parking | None = None) -> None:
        kinds = (apps, autoscaling, core, hpa, networking)
        super().__init__(Scheme(r for group in kinds for r in group.RESOURCES))
        self.load = Load()
        self.stepped = SteppedClock()
        self.autoscaling = add_kpa_controller(
            self.manager, self.load, clock=self.stepped, parking=parking
        )
        self.deciders = self.autoscaling.deciders
        self.hpa = add_hpa_controller(self.manager)
        add_metric_controller(self.manager)
        self.manager._runnables.remove(self.deciders)
        if network:
            services = self.manager.informer(ServerlessService)
            self.manager.add(
                Controller(
                    "network",
                    self.client,
                    services,
                    Network(),
                    conditions=networking.SERVERLESS_SERVICE_CONDITIONS,
                )
            )

    async def tick(self) -> None:
        """Let two seconds' worth of load be seen and decided upon."""
        for _ in range(2):
            self.stepped.elapsed += 1
            self.deciders.step()

    async def replicas(self) -> int | None:
        deployment = await self.find(Deployment, DEPLOYMENT)
        return deployment.spec.replicas if deployment else None

    async def autoscaler(self) -> PodAutoscaler:
        found = await self.find(PodAutoscaler, NAME)
        assert found is not None
        return found

    async def becomes(self, kind: str, status: str, reason: str = "") -> PodAutoscaler:
        """Wait until a condition of the PodAutoscaler has that status and reason."""

        async def check() -> PodAutoscaler | None:
            found = await self.autoscaler()
            condition = found.status.condition(kind)
            fits = condition and condition.status == status and condition.reason == reason
            return found if fits else None

        return await self.eventually(check)

    async def scaled_to(self, replicas: int) -> None:
        async def check() -> bool:
            return await self.replicas() == replicas

        await self.eventually(check)

    async def has_replica(self, name: str = f"{DEPLOYMENT}-1", *, ready: bool = True) -> Pod:
        """A pod of the revision appears."""
        wire: dict[str, Any] = {
            "metadata": {"name": name, "namespace": "default", "labels": {REVISION: NAME}},
            "spec": {"containers": [{"name": "user-container", "image": "hello"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            },
        }
        pod = await self.given(Pod.from_wire(wire))
        if ready:
            await self.eventually(lambda: self.deciders._ready(KEY))
        return pod


def a_deployment(replicas: int = 1) -> Deployment:
    labels = {REVISION: NAME}
    return Deployment.from_wire(
        {
            "metadata": {"name": DEPLOYMENT, "namespace": "default", "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "user-container", "image": "hello"}]},
                },
            },
        }
    )


def an_autoscaler(
    *,
    active_for: float | None = None,
    inactive_for: float | None = None,
    desired: int | None = None,
    class_name: str = "",
    reachability: str = "Reachable",
    **annotations: str,
) -> PodAutoscaler:
    named = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    if class_name == "hpa":
        named[PREFIX + "class"] = HPA
    autoscaler = PodAutoscaler.from_wire(
        {
            "metadata": {
                "name": NAME,
                "namespace": "default",
                "labels": {REVISION: NAME},
                "annotations": named,
            },
            "spec": {
                "protocolType": "http1",
                "reachability": reachability,
                "scaleTargetRef": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": DEPLOYMENT,
                },
            },
        }
    )
    seconds = active_for if active_for is not None else inactive_for
    if seconds is not None:
        autoscaler.status = _status(active=active_for is not None, seconds=seconds)
    autoscaler.status.desired_scale = desired
    return autoscaler


def _status(*, active: bool, seconds: float) -> PodAutoscalerStatus:
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    reason = "" if active else "NoTraffic"
    message = "" if active else "The target is not receiving traffic."
    status = "True" if active else "False"

    def condition(kind: str, status: str, reason: str = "", message: str = "") -> Condition:
        return Condition(
            type=kind, status=status, reason=reason, message=message, last_transition_time=at
        )

    return PodAutoscalerStatus(
        service_name=NAME,
        metrics_service_name=f"{NAME}-private",
        conditions=[
            condition("Active", status, reason, message),
            condition("Ready", status, reason, message),
            condition("SKSReady", "True"),
            condition("ScaleTargetInitialized", "True"),
        ],
    )


def config(**data: str) -> ConfigMap:
    return ConfigMap(
        metadata=ObjectMeta(name="config-autoscaler", namespace="knative-serving"),
        data={key.replace("_", "-"): value for key, value in data.items()},
    )
