"""Defaults and rules of PodAutoscalers."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    out_of_bounds,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.autoscaling.annotations import CLASS, METRIC, default_metric
from wakeful.apis.autoscaling.annotations_validation import validate_annotations
from wakeful.apis.autoscaling.config import CONFIG_NAME, config_or_default
from wakeful.apis.autoscaling.podautoscaler_types import (
    PodAutoscaler,
    PodAutoscalerSpec,
    ProtocolType,
)
from wakeful.apis.core.reference_validation import validate_local_reference

CONTAINER_CONCURRENCY_MAX = 1000


def set_podautoscaler_defaults(
    autoscaler: PodAutoscaler, old: Object | None, context: AdmissionContext
) -> None:
    """Name the class and the metric where the user did not."""
    del old
    annotations = autoscaler.metadata.annotations
    if CLASS.get(annotations) is None:
        config = config_or_default(context.config(CONFIG_NAME))
        annotations[CLASS.name] = config.pod_autoscaler_class
    if METRIC.get(annotations) is None:
        annotations[METRIC.name] = default_metric(autoscaler.class_name)


def validate_podautoscaler(
    autoscaler: PodAutoscaler, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a PodAutoscaler."""
    del old
    limits = config_or_default(context.config(CONFIG_NAME))
    return [
        *under(
            "metadata.annotations", validate_annotations(autoscaler.metadata.annotations, limits)
        ),
        *under("spec", _validate_spec(autoscaler.spec)),
    ]


def _validate_spec(spec: PodAutoscalerSpec) -> FieldErrors:
    if spec == PodAutoscalerSpec():
        return [missing_field("")]
    errors = under("scaleTargetRef", validate_local_reference(spec.scale_target_ref))
    if not 0 <= spec.container_concurrency <= CONTAINER_CONCURRENCY_MAX:
        bounds = 0, CONTAINER_CONCURRENCY_MAX
        errors.append(out_of_bounds(spec.container_concurrency, *bounds, "containerConcurrency"))
    if spec.protocol_type not in tuple(ProtocolType):
        errors.append(invalid_value(spec.protocol_type, "protocolType"))
    return errors
