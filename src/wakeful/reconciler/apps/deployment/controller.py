"""What makes a Deployment worth looking at again: its replica sets, and their last pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName, controller_of
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.apps.deployment_types import RECREATE
from wakeful.apis.core import Pod
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager, owner_keys
from wakeful.reconciler.apps.deployment.reconciler import DeploymentReconciler
from wakeful.reconciler.apps.ownership import CachedChildren

_owners = owner_keys(Deployment.gvk.kind, Deployment.gvk.group)


def make_deployment_controller(manager: Manager, clock: Clock) -> Controller[Deployment]:
    """Wire the controller to its informers."""
    deployments, sets = manager.informer(Deployment), manager.informer(ReplicaSet)
    pods = manager.informer(Pod)
    owned_pods = CachedChildren(manager.client, pods)
    reconciler = DeploymentReconciler(
        manager.client,
        CachedChildren(manager.client, sets),
        owned_pods.owned_by,
        manager.recorder,
        clock,
    )
    controller = Controller(
        "deployments.apps", manager.client, deployments, reconciler, urgent=True
    )
    sets.add_handler(_on_set(controller))
    pods.add_handler(_when_gone(controller, deployments, sets))
    return controller


def _on_set(controller: Controller[Deployment]) -> Callable[[Change[ReplicaSet]], None]:
    """A set that has not seen its own size yet has nothing to tell; its status follows."""

    def handler(change: Change[ReplicaSet]) -> None:
        new = change.new
        if new is not None and new.status.observed_generation != new.metadata.generation:
            return
        for found in (change.old, new):
            if found is not None:
                for key in _owners(found):
                    controller.enqueue(key)

    return handler


def _when_gone(
    controller: Controller[Deployment],
    deployments: Informer[Deployment],
    sets: Informer[ReplicaSet],
) -> Callable[[Change[Pod]], None]:
    """A recreated deployment waits for the last of its old pods."""

    def handler(change: Change[Pod]) -> None:
        if change.new is not None and not change.new.is_finished:
            return
        for key in _deployment_of(change.object, sets):
            found = deployments.get(key.name, key.namespace)
            if found is not None and found.spec.strategy.type == RECREATE:
                controller.enqueue(key)

    return handler


def _deployment_of(pod: Pod, sets: Informer[ReplicaSet]) -> Iterable[NamespacedName]:
    ref = controller_of(pod)
    if ref is None or ref.kind != ReplicaSet.gvk.kind:
        return ()
    owner = sets.get(ref.name, pod.metadata.namespace)
    above = controller_of(owner) if owner is not None else None
    if above is None or above.kind != Deployment.gvk.kind:
        return ()
    return (NamespacedName(pod.metadata.namespace, above.name),)
