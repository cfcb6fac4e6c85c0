"""Taking events for JobSinks."""

from wakeful.eventing.sinks.door import JobSinkDoor
from wakeful.eventing.sinks.jobsink import JobSinkReceiver

__all__ = ["JobSinkDoor", "JobSinkReceiver"]
