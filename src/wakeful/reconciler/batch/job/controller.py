"""What makes a Job worth looking at again: its pods, and time."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.batch import Job
from wakeful.apis.core import Pod
from wakeful.controller import Controller, Manager
from wakeful.reconciler.apps.ownedpods import OwnedPods
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.apps.pendingpods import follow_pods
from wakeful.reconciler.batch.job.reconciler import JobReconciler


def make_job_controller(manager: Manager, clock: Clock) -> Controller[Job]:
    """Wire the controller to its informers."""
    jobs, pods = manager.informer(Job), manager.informer(Pod)
    pending = follow_pods(jobs, pods, clock)
    reconciler = JobReconciler(
        manager.client,
        CachedChildren(manager.client, pods),
        OwnedPods(manager.client, pending, manager.recorder),
        manager.recorder,
        clock,
    )
    controller = Controller("jobs.batch", manager.client, jobs, reconciler)
    controller.watch_owned(pods)
    return controller
