"""ClusterDomainClaim: which namespace may map a domain name."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, missing_field
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.networking.register import GROUP, VERSION


class ClusterDomainClaimSpec(APIModel):
    """Who may use the name."""

    namespace: str = ""


class ClusterDomainClaim(Object):
    """Gives the domain it is named after to one namespace."""

    gvk: ClassVar = GroupVersionKind(GROUP, VERSION, "ClusterDomainClaim")

    spec: ClusterDomainClaimSpec = Field(default_factory=ClusterDomainClaimSpec)


def validate_clusterdomainclaim(
    claim: ClusterDomainClaim, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a ClusterDomainClaim."""
    del old, context
    return [] if claim.spec.namespace else [missing_field("spec.namespace")]
