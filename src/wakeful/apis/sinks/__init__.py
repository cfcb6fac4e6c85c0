"""Addresses that do something with events: one runs Jobs, one writes into a topic of Kafka.

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
from wakeful.apis.sinks.kafkasink_types import KAFKASINK_CONDITIONS, KafkaSink, KafkaSinkSpec
from wakeful.apis.sinks.resources import RESOURCES

__all__ = [
    "JOBSINK_CONDITIONS",
    "KAFKASINK_CONDITIONS",
    "RESOURCES",
    "JobSink",
    "JobSinkSpec",
    "JobSinkStatus",
    "KafkaSink",
    "KafkaSinkSpec",
    "SinkJob",
]
