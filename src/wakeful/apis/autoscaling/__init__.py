"""Autoscaling: the annotations users write, the cluster's defaults, PodAutoscaler and Metric."""

from wakeful.apimachinery.scheme import READINESS, Column, Resource
from wakeful.apis.autoscaling.annotations import (
    HPA,
    KPA,
    AutoscalingAnnotations,
)
from wakeful.apis.autoscaling.annotations_validation import AnnotationLimits, validate_annotations
from wakeful.apis.autoscaling.config import (
    CONFIG_NAME,
    AutoscalerConfig,
    AutoscalerConfigError,
    config_or_default,
    parse_config,
)
from wakeful.apis.autoscaling.metric_types import (
    METRIC_CONDITIONS,
    Metric,
    MetricSpec,
    MetricStatus,
    validate_metric,
)
from wakeful.apis.autoscaling.podautoscaler_lifecycle import (
    POD_AUTOSCALER_CONDITIONS,
    PodAutoscalerStatus,
)
from wakeful.apis.autoscaling.podautoscaler_types import (
    PodAutoscaler,
    PodAutoscalerSpec,
    ProtocolType,
    Reachability,
)
from wakeful.apis.autoscaling.podautoscaler_validation import (
    set_podautoscaler_defaults,
    validate_podautoscaler,
)

WEBHOOK = "validation.webhook.serving.knative.dev"
_CATEGORIES = ("knative-internal", "autoscaling")

RESOURCES = (
    Resource(
        PodAutoscaler,
        "podautoscalers",
        short_names=("kpa", "pa"),
        categories=_CATEGORIES,
        has_status=True,
        columns=(
            Column("DesiredScale", ".status.desiredScale", type="integer"),
            Column("ActualScale", ".status.actualScale", type="integer"),
            *READINESS,
        ),
        set_defaults=set_podautoscaler_defaults,
        validate=validate_podautoscaler,
        webhook=WEBHOOK,
    ),
    Resource(
        Metric,
        "metrics",
        categories=_CATEGORIES,
        has_status=True,
        columns=READINESS,
        validate=validate_metric,
        webhook=WEBHOOK,
    ),
)

__all__ = [
    "CONFIG_NAME",
    "HPA",
    "KPA",
    "METRIC_CONDITIONS",
    "POD_AUTOSCALER_CONDITIONS",
    "RESOURCES",
    "AnnotationLimits",
    "AutoscalerConfig",
    "AutoscalerConfigError",
    "AutoscalingAnnotations",
    "Metric",
    "MetricSpec",
    "MetricStatus",
    "PodAutoscaler",
    "PodAutoscalerSpec",
    "PodAutoscalerStatus",
    "ProtocolType",
    "Reachability",
    "config_or_default",
    "parse_config",
    "validate_annotations",
]
