"""What the controller of HorizontalPodAutoscalers watches: little, for it looks by the clock."""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.apis.apps import Deployment
from wakeful.apis.core import Pod
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.autoscaler.usage import UsageSource
from wakeful.controller import Controller, Manager
from wakeful.reconciler.autoscaling.horizontal.pods import MeasuredPods
from wakeful.reconciler.autoscaling.horizontal.reconciler import HorizontalReconciler
from wakeful.reconciler.autoscaling.target import ScaleTargets


def add_horizontal_controller(
    manager: Manager, usage: UsageSource, *, clock: Clock | None = None
) -> HorizontalReconciler:
    """Build the controller and have the manager run it; not for clusters that have their own."""
    clock = clock or SystemClock()
    reconciler = HorizontalReconciler(
        ScaleTargets(manager.client, manager.informer(Deployment)),
        MeasuredPods(manager.informer(Pod), usage, clock),
        manager.recorder,
        clock=clock,
    )
    controller = Controller(
        "horizontal",
        manager.client,
        manager.informer(HorizontalPodAutoscaler),
        reconciler,
        recorder=manager.recorder,
        workers=1,
    )
    manager.add(controller)
    return reconciler
