"""How the deletion of a namespace's content is reported. Pure."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.core.namespace_types import NamespaceCondition, NamespaceStatus
from wakeful.reconciler.core.namespace.contents import Remains


def report(status: NamespaceStatus, remains: Remains, now: datetime) -> None:
    """Set the five conditions that ``kubectl describe namespace`` shows."""
    failed = "; ".join(remains.failures)
    found = [
        (
            "NamespaceDeletionDiscoveryFailure",
            False,
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            bool(failed),
            "ContentDeletionFailed" if failed else "ContentDeleted",
            f"Failed to delete all resource types, {len(remains.failures)} remaining: {failed}"
            if failed
            else "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            bool(remains.objects),
            "SomeResourcesRemain" if remains.objects else "ContentRemoved",
            "Some resources are remaining: "
            + ", ".join(
                f"{k.rpartition('/')[0]} has {n} resource instances"
                for k, n in sorted(remains.objects.items())
            )
            if remains.objects
            else "All content successfully removed",
        ),
        (
            "NamespaceFinalizersRemaining",
            bool(remains.finalizers),
            "SomeFinalizersRemain" if remains.finalizers else "ContentHasNoFinalizers",
            "Some content in the namespace has finalizers remaining: "
            + ", ".join(
                f"{k} in {n} resource instances" for k, n in sorted(remains.finalizers.items())
            )
            if remains.finalizers
            else "All content-preserving finalizers finished",
        ),
    ]
    for kind, is_true, reason, message in found:
        _set(status, kind, "True" if is_true else "False", reason, message, now)


def _set(
    status: NamespaceStatus, kind: str, value: str, reason: str, message: str, now: datetime
) -> None:
    new = NamespaceCondition(
        type=kind, status=value, last_transition_time=now, reason=reason, message=message
    )
    conditions = set_status_condition(status.conditions, new)
    status.conditions = sorted(conditions, key=lambda c: c.type)
