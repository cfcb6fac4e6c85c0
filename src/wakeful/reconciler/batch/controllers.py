"""Wires the controllers of the batch group."""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.controller import Manager
from wakeful.reconciler.batch.cronjob.controller import make_cron_job_controller
from wakeful.reconciler.batch.job.controller import make_job_controller


def add_batch_controllers(manager: Manager, *, clock: Clock | None = None) -> None:
    """Add the controllers of Jobs and CronJobs."""
    clock = clock or SystemClock()
    manager.add(make_job_controller(manager, clock))
    manager.add(make_cron_job_controller(manager, clock))
