"""``resolution.tekton.dev``: requests to fetch a task or pipeline from elsewhere."""

from wakeful.apis.resolution.request_types import (
    RESOURCES,
    ResolutionReason,
    ResolutionRequest,
    ResolutionRequestSpec,
    ResolutionRequestStatus,
)

__all__ = [
    "RESOURCES",
    "ResolutionReason",
    "ResolutionRequest",
    "ResolutionRequestSpec",
    "ResolutionRequestStatus",
]
