"""Metric: over which windows the load of one revision is averaged."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY, ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.fields import FieldErrors, missing_field
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.autoscaling.annotations import INTERNAL_GROUP

METRIC_CONDITIONS = ConditionSet.living()


class MetricSpec(APIModel):
    """Durations are whole nanoseconds, as Go writes them into JSON."""

    stable_window: int = 0
    panic_window: int = 0
    scrape_target: str = ""
    """The Service of the instances; empty when the gate alone reports."""


class MetricStatus(ConditionedStatus):
    """Whether load is being collected."""

    @property
    def _manager(self) -> ConditionManager:
        return METRIC_CONDITIONS.manage(self)

    def mark_ready(self) -> None:
        """Load is being collected."""
        self._manager.mark_true(READY)

    def mark_failed(self, reason: str, message: str) -> None:
        """Load cannot be collected."""
        self._manager.mark_false(READY, reason, message)


class Metric(KResource[MetricSpec, MetricStatus]):
    """Has the load of one revision collected."""

    gvk: ClassVar = GroupVersionKind(INTERNAL_GROUP, "v1alpha1", "Metric")

    spec: MetricSpec = Field(default_factory=MetricSpec)
    status: MetricStatus = Field(default_factory=MetricStatus)


def validate_metric(metric: Metric, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Every fault of a Metric."""
    del old, context
    return [missing_field("spec")] if metric.spec == MetricSpec() else []
