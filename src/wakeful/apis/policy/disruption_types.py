"""PodDisruptionBudget, stored and shown; Eviction, the body of ``pods/<name>/eviction``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, invalid
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import Cell, Wire, dig, number
from wakeful.apis.core.rules import validate_label_selector
from wakeful.apis.core.scalars import IntOrString

GROUP = "policy"


class PodDisruptionBudgetSpec(APIModel):
    """How many pods have to stay, or may go."""

    min_available: IntOrString | None = None
    selector: LabelSelector | None = None
    max_unavailable: IntOrString | None = None
    unhealthy_pod_eviction_policy: str | None = None


class PodDisruptionBudgetStatus(APIModel):
    """How many may go now. The counts are always sent."""

    observed_generation: int | None = None
    disrupted_pods: dict[str, str] = Field(default_factory=dict)
    disruptions_allowed: int | None = None
    current_healthy: int | None = None
    desired_healthy: int | None = None
    expected_pods: int | None = None
    conditions: list[dict[str, Any]] = Field(default_factory=list)


class PodDisruptionBudget(KResource[PodDisruptionBudgetSpec, PodDisruptionBudgetStatus]):
    """How much a set of pods may shrink."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "PodDisruptionBudget")

    spec: PodDisruptionBudgetSpec = Field(default_factory=PodDisruptionBudgetSpec)
    status: PodDisruptionBudgetStatus = Field(default_factory=PodDisruptionBudgetStatus)


class Eviction(Object):
    """Please delete this pod, if its budget allows."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Eviction")

    delete_options: dict[str, Any] | None = None


def validate_budget(
    new: PodDisruptionBudget, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Only one of the two bounds is set."""
    errors: FieldErrors = []
    if new.spec.min_available is not None and new.spec.max_unavailable is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid("spec", new.spec.to_wire(), detail))
    if new.spec.selector is not None:
        errors += validate_label_selector(new.spec.selector, "spec.selector")
    return errors


def _bound(member: str) -> Cell:
    def cell(obj: Wire, now: datetime) -> str:
        return str(dig(obj, "spec", member, default="N/A"))

    return cell


RESOURCES: tuple[Resource, ...] = (
    Resource(
        PodDisruptionBudget,
        "poddisruptionbudgets",
        short_names=("pdb",),
        has_status=True,
        columns=(
            Column("Min Available", _bound("minAvailable")),
            Column("Max Unavailable", _bound("maxUnavailable")),
            Column("Allowed Disruptions", number("status", "disruptionsAllowed"), type="integer"),
            AGE,
        ),
        validate=validate_budget,
        custom=False,
    ),
)
