"""CronJobSource: 2019's event on a schedule."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.fields import FieldErrors, invalid_value, under
from wakeful.apimachinery.meta import GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.batch.cron import parse_schedule
from wakeful.apis.duck import SINK_PROVIDED
from wakeful.apis.sources import register
from wakeful.apis.sources.legacy_sink import (
    AdapterResourceSpec,
    LegacySourceSpec,
    validate_legacy_sink,
)
from wakeful.apis.sources.source_lifecycle import DEPLOYED, AdapterSourceStatus

VALID_SCHEDULE = "ValidSchedule"


class CronJobSourceSpec(LegacySourceSpec):
    """When, and what."""

    schedule: str = ""
    data: str = ""
    resources: AdapterResourceSpec = Field(default_factory=AdapterResourceSpec)


class CronJobSourceStatus(AdapterSourceStatus):
    """How it goes."""

    condition_set: ClassVar = ConditionSet.living(VALID_SCHEDULE, SINK_PROVIDED, DEPLOYED)

    def mark_schedule(self) -> None:
        """The schedule can be read."""
        self.manager.mark_true(VALID_SCHEDULE)

    def mark_invalid_schedule(self, message: str) -> None:
        """It cannot."""
        self.manager.mark_false(VALID_SCHEDULE, "Invalid", message)


class CronJobSource(KResource[CronJobSourceSpec, CronJobSourceStatus]):
    """Sends its data whenever the schedule says so."""

    gvk: ClassVar = GroupVersionKind(
        register.LEGACY_GROUP, register.LEGACY_VERSION, "CronJobSource"
    )

    spec: CronJobSourceSpec = Field(default_factory=CronJobSourceSpec)
    status: CronJobSourceStatus = Field(default_factory=CronJobSourceStatus)

    @property
    def event_source(self) -> str:
        """What events name as their source."""
        meta = self.metadata
        return f"/apis/v1/namespaces/{meta.namespace}/cronjobsources/{meta.name}"


def validate_cronjobsource(
    new: CronJobSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    errors: FieldErrors = []
    try:
        parse_schedule(new.spec.schedule)
    except ValueError as err:
        errors.append(invalid_value(new.spec.schedule, "schedule", str(err)))
    return under("spec", errors + validate_legacy_sink(new.spec.sink))
