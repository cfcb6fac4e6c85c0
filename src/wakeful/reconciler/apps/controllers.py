"""Wires the controllers of the apps group."""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.controller import Manager
from wakeful.reconciler.apps.deployment.controller import make_deployment_controller
from wakeful.reconciler.apps.replicaset.controller import make_replica_set_controller


def add_apps_controllers(manager: Manager, *, clock: Clock | None = None) -> None:
    """Add the controllers of ReplicaSets and Deployments.

    The order matters for a cold start: when a replica set changes, its own controller hears of it
    first and makes the pod before the deployment's status is written.
    """
    clock = clock or SystemClock()
    manager.add(make_replica_set_controller(manager, clock))
    manager.add(make_deployment_controller(manager, clock))
