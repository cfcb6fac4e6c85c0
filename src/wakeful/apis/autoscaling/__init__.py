"""Autoscaling: the annotations users write."""

from wakeful.apis.autoscaling.annotations import (
    HPA,
    KPA,
    AutoscalingAnnotations,
)
from wakeful.apis.autoscaling.annotations_validation import AnnotationLimits, validate_annotations

__all__ = [
    "HPA",
    "KPA",
    "AnnotationLimits",
    "AutoscalingAnnotations",
    "validate_annotations",
]
