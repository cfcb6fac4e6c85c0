"""Namespaces: what is filled in."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.namespace_types import (
    ACTIVE,
    KUBERNETES_FINALIZER,
    NAME_LABEL,
    Namespace,
)


def set_namespace_defaults(new: Namespace, old: Object | None, context: AdmissionContext) -> None:
    """Hold a new namespace by its finalizer, and label every one with its name."""
    if new.metadata.name:
        new.metadata.labels[NAME_LABEL] = new.metadata.name
    if not isinstance(old, Namespace):
        if KUBERNETES_FINALIZER not in new.spec.finalizers:
            new.spec.finalizers = [*new.spec.finalizers, KUBERNETES_FINALIZER]
        new.status.phase = ACTIVE
    elif context.subresource != "finalize":
        new.spec.finalizers = list(old.spec.finalizers)
    if not new.status.phase:
        new.status.phase = ACTIVE
