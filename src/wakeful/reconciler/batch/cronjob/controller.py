"""What makes a CronJob worth looking at again: its jobs, and time."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.batch import CronJob, Job
from wakeful.controller import Controller, Manager
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.batch.cronjob.reconciler import CronJobReconciler


def make_cron_job_controller(manager: Manager, clock: Clock) -> Controller[CronJob]:
    """Wire the controller to its informers."""
    cron_jobs, jobs = manager.informer(CronJob), manager.informer(Job)
    children = CachedChildren(manager.client, jobs)
    reconciler = CronJobReconciler(manager.client, children, manager.recorder, clock)
    controller = Controller("cronjobs.batch", manager.client, cron_jobs, reconciler)
    controller.watch_owned(jobs)
    return controller
