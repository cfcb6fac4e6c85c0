"""What makes a Job worth looking at again: its pods, and time."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.batch import Job
from wakeful.apis.core import Pod
from wakeful.client import Change
from wakeful.controller import Controller, Manager
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.apps.replicaset.pending import PendingPods
from wakeful.reconciler.batch.job.reconciler import JobReconciler


def make_job_controller(manager: Manager, clock: Clock) -> Controller[Job]:
    """Wire the controller to its informers."""
    jobs, pods = manager.informer(Job), manager.informer(Pod)
    pending = PendingPods(clock)
    pods.add_handler(pending.observe)  # before the controller's own: it counts on it

    def forget(change: Change[Job]) -> None:
        if change.new is None:
            pending.forget(change.object.metadata.uid)

    jobs.add_handler(forget)
    children = CachedChildren(manager.client, pods)
    reconciler = JobReconciler(manager.client, children, pending, manager.recorder, clock)
    controller = Controller("jobs.batch", manager.client, jobs, reconciler)
    controller.watch_owned(pods)
    return controller
