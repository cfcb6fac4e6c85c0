"""PriorityClass: a name for a priority; stored and shown."""

from __future__ import annotations

from typing import ClassVar

from wakeful.apimachinery.fields import FieldErrors, forbidden
from wakeful.apimachinery.meta import GroupVersionKind, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import number, text


class PriorityClass(Object):
    """A name for a priority."""

    gvk: ClassVar = GroupVersionKind("scheduling.k8s.io", "v1", "PriorityClass")

    value: int | None = None
    global_default: bool = False
    description: str = ""
    preemption_policy: str | None = None


def set_priority_defaults(
    new: PriorityClass, old: Object | None, context: AdmissionContext
) -> None:
    """Zero, with the right to displace others."""
    if new.value is None:
        new.value = 0
    new.preemption_policy = new.preemption_policy or "PreemptLowerPriority"


def validate_priority(
    new: PriorityClass, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The value is fixed."""
    if isinstance(old, PriorityClass) and new.value != old.value:
        return [forbidden("value", "may not be changed in an update.")]
    return []


RESOURCES: tuple[Resource, ...] = (
    Resource(
        PriorityClass,
        "priorityclasses",
        short_names=("pc",),
        namespaced=False,
        columns=(
            Column("Value", number("value"), type="integer"),
            Column("Global-Default", ".globalDefault", type="boolean"),
            AGE,
            Column("PreemptionPolicy", text("preemptionPolicy")),
        ),
        set_defaults=set_priority_defaults,
        validate=validate_priority,
        custom=False,
    ),
)
