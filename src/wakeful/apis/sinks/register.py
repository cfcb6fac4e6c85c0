"""The words of ``sinks.knative.dev``."""

from __future__ import annotations

GROUP = "sinks.knative.dev"
WEBHOOK = "validation.webhook.eventing.knative.dev"
"""Denials are worded as this webhook's."""
SYSTEM_NAMESPACE = "knative-eventing"

JOBSINK_NAME_LABEL = f"{GROUP}/job-sink-name"
"""Label of Jobs and their events: the JobSink."""
JOBSINK_ID_LABEL = f"{GROUP}/job-sink-id"
"""Label of Jobs and their events: the Job's name, which stands for the event."""
JOBSINK_SERVICE = "job-sink"
"""The Service, in the system namespace, behind which all JobSinks are: ``/NAMESPACE/NAME``."""

EXECUTION_MODE = "K_EXECUTION_MODE"
BATCH = "batch"
EVENT_PATH = "K_EVENT_PATH"
EVENT_VOLUME = "jobsink-event"
EVENT_DIRECTORY = "/etc/jobsink-event"
"""Where the file ``event`` lies, in structured JSON, unless the job says otherwise."""
JOBSINK_HOST = f"{JOBSINK_SERVICE}.{SYSTEM_NAMESPACE}.svc.cluster.local"
