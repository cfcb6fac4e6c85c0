"""Removing finished runs after a while, for those who ask for it in ``config-defaults``."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.errors import ConflictError, NotFoundError
from wakeful.apimachinery.meta import controller_of
from wakeful.apis.pipeline import PipelineRun, TaskRun
from wakeful.apis.pipeline.config import DefaultsConfig
from wakeful.client import Client
from wakeful.controller import Result


async def expire(
    client: Client, run: TaskRun | PipelineRun, defaults: DefaultsConfig, now: datetime
) -> Result | None:
    """Delete a finished run whose time is over, or wait for that; not what belongs to another."""
    ttl, ended = defaults.finished_runs_ttl, run.status.completion_time
    if not ttl or ended is None or controller_of(run) is not None:
        return None
    left = (ended + ttl - now).total_seconds()
    if left > 0:
        return Result(requeue_after=left)
    meta = run.metadata
    try:
        await client.delete(type(run), meta.name, meta.namespace, uid=meta.uid)
    except (NotFoundError, ConflictError):
        return None
    return None
