"""Namespaces: what is filled in and what is refused."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.namespace_types import (
    ACTIVE,
    KUBERNETES_FINALIZER,
    NAME_LABEL,
    Namespace,
)
from wakeful.apis.core.rules import first_of


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


def validate_namespace(
    new: Namespace, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A namespace's name becomes part of host names."""
    if old is not None or not new.metadata.name:
        return []
    return first_of(dns_label_faults(new.metadata.name), "metadata.name", new.metadata.name)
