"""Lease: who leads, and until when."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, invalid
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, MicroTime, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.rules import validate_not_negative


class LeaseSpec(APIModel):
    """The holder, and how long its word counts."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: MicroTime | None = None
    renew_time: MicroTime | None = None
    lease_transitions: int | None = None
    strategy: str | None = None
    preferred_holder: str | None = None


class Lease(Object):
    """Who leads, and until when."""

    gvk: ClassVar = GroupVersionKind("coordination.k8s.io", "v1", "Lease")

    spec: LeaseSpec = Field(default_factory=LeaseSpec)


def validate_lease(new: Lease, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Durations are positive."""
    duration = new.spec.lease_duration_seconds
    errors = validate_not_negative(new.spec.lease_transitions, "spec.leaseTransitions")
    if duration is not None and duration <= 0:
        detail = "must be greater than 0"
        errors.append(invalid("spec.leaseDurationSeconds", duration, detail))
    return errors


RESOURCES: tuple[Resource, ...] = (
    Resource(
        Lease,
        "leases",
        columns=(Column("Holder", ".spec.holderIdentity"), AGE),
        validate=validate_lease,
        custom=False,
    ),
)
