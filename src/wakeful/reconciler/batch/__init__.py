"""Runs work to completion: Jobs, and CronJobs that start them."""

from wakeful.reconciler.batch.controllers import add_batch_controllers

__all__ = ["add_batch_controllers"]
