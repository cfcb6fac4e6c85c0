"""ResolutionRequest: fetch this for me; the status has what was found, or why nothing was."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import SUCCEEDED, ConditionedStatus
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apimachinery.scheme import Column, Resource, ServedVersion
from wakeful.apis.pipeline.param_types import Param
from wakeful.apis.pipeline.provenance_types import RefSource

GROUP = "resolution.tekton.dev"
RESOLVER_LABEL = f"{GROUP}/type"
"""Which resolver is to answer: ``git``, ``http``, ``hub``, ``bundles``, ``cluster``."""


class ResolutionReason(StrEnum):
    """Why a request is in the state it is in."""

    IN_PROGRESS = "ResolutionInProgress"
    SUCCESSFUL = "ResolutionSuccessful"
    FAILED = "ResolutionFailed"
    TIMED_OUT = "ResolutionTimedOut"


class ResolutionRequestSpec(APIModel):
    """What the resolver needs to know."""

    params: list[Param] = Field(default_factory=list)
    url: str = ""


class ResolutionRequestStatus(ConditionedStatus):
    """What was found."""

    data: str = ""
    """Base64 of the YAML."""
    source: RefSource | None = None
    ref_source: RefSource | None = None

    @property
    def is_done(self) -> bool:
        """Whether it was answered, well or not."""
        condition = self.condition(SUCCEEDED)
        return condition is not None and not condition.is_unknown


class ResolutionRequest(KResource[ResolutionRequestSpec, ResolutionRequestStatus]):
    """One thing to fetch."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "ResolutionRequest")

    spec: ResolutionRequestSpec = Field(default_factory=ResolutionRequestSpec)
    status: ResolutionRequestStatus = Field(default_factory=ResolutionRequestStatus)


RESOURCES: tuple[Resource, ...] = (
    Resource(
        ResolutionRequest,
        plural="resolutionrequests",
        singular="resolutionrequest",
        short_names=("resolutionrequest", "resolutionrequests"),
        categories=("tekton", "tekton-pipelines"),
        has_status=True,
        columns=(
            Column("OwnerKind", ".metadata.ownerReferences[0].kind"),
            Column("Owner", ".metadata.ownerReferences[0].name"),
            Column("Succeeded", '.status.conditions[?(@.type=="Succeeded")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Succeeded")].reason'),
            Column("StartTime", ".metadata.creationTimestamp"),
            Column("EndTime", '.status.conditions[?(@.type=="Succeeded")].lastTransitionTime'),
        ),
        served_versions=(
            ServedVersion(
                "v1alpha1",
                deprecation="resolution.tekton.dev/v1alpha1 ResolutionRequest is deprecated",
            ),
        ),
    ),
)
