"""Taking events for JobSinks and KafkaSinks."""

from wakeful.eventing.sinks.door import JobSinkDoor
from wakeful.eventing.sinks.jobsink import JobSinkReceiver
from wakeful.eventing.sinks.kafkasink import KafkaSinkReceiver

__all__ = ["JobSinkDoor", "JobSinkReceiver", "KafkaSinkReceiver"]
