"""Kubernetes' autoscaling group: HorizontalPodAutoscaler, and the body of ``/scale``."""

from wakeful.apis.hpa.hpa_types import (
    AutoscalerSpec,
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricTarget,
    Scale,
)
from wakeful.apis.hpa.resources import RESOURCES

__all__ = [
    "RESOURCES",
    "AutoscalerSpec",
    "HorizontalPodAutoscaler",
    "MetricSpec",
    "MetricTarget",
    "Scale",
]
