"""``sinks.knative.dev``: addresses that do something with events. So far the one that runs Jobs.

What keeps the world in line with them is ``wakeful.reconciler.sinks``; who takes the events is
``wakeful.eventing.sinks``.
"""

from wakeful.apis.sinks.jobsink_types import (
    JOBSINK_CONDITIONS,
    JobSink,
    JobSinkSpec,
    JobSinkStatus,
    SinkJob,
)
from wakeful.apis.sinks.resources import RESOURCES

__all__ = [
    "JOBSINK_CONDITIONS",
    "RESOURCES",
    "JobSink",
    "JobSinkSpec",
    "JobSinkStatus",
    "SinkJob",
]
