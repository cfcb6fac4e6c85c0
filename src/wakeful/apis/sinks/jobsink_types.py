"""JobSink: an address that runs a Job for each event."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.batch.job_types import JobTemplateSpec
from wakeful.apis.duck import Addressable, AddressStatus, PoliciesStatus
from wakeful.apis.duck.lifecycle import ADDRESSABLE, EVENT_POLICIES_READY
from wakeful.apis.sinks import register

JOBSINK_CONDITIONS = ConditionSet.living(ADDRESSABLE, EVENT_POLICIES_READY)


class SinkJob(JobTemplateSpec):
    """The Job to run; its name is chosen for each event."""

    api_version: str = ""
    kind: str = ""


class JobSinkSpec(APIModel):
    """What to run."""

    job: SinkJob | None = None
    """Run for each event, which is the file ``event`` in the directory ``$K_EVENT_PATH``."""


class JobSinkJobStatus(APIModel):
    """How to find the Jobs."""

    selector: str = ""
    """Label selector of the Jobs."""


class JobSinkStatus(PoliciesStatus, AddressStatus, ConditionedStatus):
    """Where events are taken."""

    job: JobSinkJobStatus | None = None

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return JOBSINK_CONDITIONS.manage(self)

    def set_address(self, url: str) -> None:
        """Say where it is reached."""
        self.address = Addressable(name="http", url=url)
        self.addresses = [self.address]
        self.manager.mark_true(ADDRESSABLE)


class JobSink(KResource[JobSinkSpec, JobSinkStatus]):
    """Runs a Job for each event."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1alpha1", "JobSink")

    spec: JobSinkSpec = Field(default_factory=JobSinkSpec)
    status: JobSinkStatus = Field(default_factory=JobSinkStatus)
