"""Defaults of a DomainMapping."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving.admission import set_user_info
from wakeful.apis.serving.domainmapping_types import DomainMapping


def set_domainmapping_defaults(
    mapping: DomainMapping, old: Object | None, context: AdmissionContext
) -> None:
    """Let the reference point into the mapping's own namespace; note who asked."""
    if context.subresource == "status":
        return
    if not mapping.spec.ref.namespace:
        mapping.spec.ref.namespace = mapping.metadata.namespace
    before = old.spec if isinstance(old, DomainMapping) else None
    set_user_info(mapping, mapping.spec, before, context)
