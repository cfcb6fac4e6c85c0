"""A JobSink is ready as soon as it exists: the receiver serves all of them."""

from __future__ import annotations

from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.sinks import JobSink, register
from wakeful.apis.sinks.jobsink_types import JobSinkJobStatus


class JobSinkReconciler:
    """Writes address and selector."""

    async def reconcile_kind(self, sink: JobSink) -> None:
        """Say where events are taken, and how their Jobs are found."""
        status = sink.status
        status.job = JobSinkJobStatus(
            selector=f"{register.JOBSINK_NAME_LABEL}={sink.metadata.name[:63]}"
        )
        meta = sink.metadata
        status.set_address(f"http://{register.JOBSINK_HOST}/{meta.namespace}/{meta.name}")
        mark_policies_not_enforced(status)
