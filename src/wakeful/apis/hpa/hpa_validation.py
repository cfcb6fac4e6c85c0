"""What is wrong with a HorizontalPodAutoscaler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from wakeful.apimachinery.fields import FieldErrors, invalid, not_supported, required
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.hpa.hpa_types import HorizontalPodAutoscaler, MetricSpec, MetricTarget

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SELECT = ("Disabled", "Max", "Min")
_POLICIES = ("Percent", "Pods")
_LONGEST_WINDOW_SECONDS = 3600
_LONGEST_PERIOD_SECONDS = 1800


def validate_hpa(
    new: HorizontalPodAutoscaler, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A target, sensible bounds, metrics with something to aim for, and rules that can be read."""
    if context.subresource == "status":
        return []
    spec, errors = new.spec, FieldErrors()
    if spec.min_replicas is not None and spec.min_replicas < 1:
        detail = "must be greater than or equal to 1"
        errors.append(invalid("spec.minReplicas", spec.min_replicas, detail))
    if spec.max_replicas < 1:
        errors.append(invalid("spec.maxReplicas", spec.max_replicas, "must be greater than 0"))
    if spec.min_replicas is not None and spec.max_replicas < spec.min_replicas:
        detail = "must be greater than or equal to `minReplicas`"
        errors.append(invalid("spec.maxReplicas", spec.max_replicas, detail))
    if not spec.scale_target_ref.kind:
        errors.append(required("spec.scaleTargetRef.kind"))
    if not spec.scale_target_ref.name:
        errors.append(required("spec.scaleTargetRef.name"))
    for index, metric in enumerate(spec.metrics):
        errors += _validate_metric(f"spec.metrics[{index}]", metric)
    for direction in ("scaleUp", "scaleDown"):
        rules = (spec.behavior or {}).get(direction)
        if rules is not None:
            errors += _validate_rules(f"spec.behavior.{direction}", rules)
    return errors


def _validate_metric(path: str, metric: MetricSpec) -> FieldErrors:
    if not metric.type:
        return [required(f"{path}.type", "must specify a metric source type")]
    if metric.type not in _TYPES:
        return [not_supported(f"{path}.type", metric.type, _TYPES)]
    member = metric.type[0].lower() + metric.type[1:]
    wire = metric.to_wire()
    if member not in wire:
        detail = "must populate information for the given metric source"
        return [required(f"{path}.{member}", detail)]
    if metric.type == "Resource" and metric.resource is not None:
        return _validate_target(f"{path}.resource", metric.resource.name, metric.resource.target)
    if metric.type == "ContainerResource":
        source = wire[member]
        errors: FieldErrors = []
        if not source.get("container"):
            errors.append(required(f"{path}.{member}.container", "must specify a container"))
        try:
            target = MetricTarget.from_wire(source.get("target") or {})
        except ValueError as err:
            return [*errors, invalid(f"{path}.{member}.target", source.get("target"), str(err))]
        return errors + _validate_target(f"{path}.{member}", source.get("name", ""), target)
    return []


def _validate_target(path: str, name: str, target: MetricTarget) -> FieldErrors:
    errors: FieldErrors = []
    if not name:
        errors.append(required(f"{path}.name", "must specify a resource name"))
    if target.average_utilization is not None and target.average_utilization < 1:
        detail = "must be greater than 0"
        errors.append(
            invalid(f"{path}.target.averageUtilization", target.average_utilization, detail)
        )
    if (target.average_utilization is None) == (target.average_value is None):
        errors.append(
            required(
                f"{path}.target.averageUtilization",
                "must set either a target raw value or a target utilization",
            )
        )
    return errors


def _validate_rules(path: str, rules: Any) -> FieldErrors:
    if not isinstance(rules, Mapping):
        return [invalid(path, rules, "must be an object")]
    errors: FieldErrors = []
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and not (_is_whole(window) and 0 <= window <= _LONGEST_WINDOW_SECONDS):
        detail = f"must be from 0 to {_LONGEST_WINDOW_SECONDS}"
        errors.append(invalid(f"{path}.stabilizationWindowSeconds", window, detail))
    select = rules.get("selectPolicy")
    if select is not None and select not in _SELECT:
        errors.append(not_supported(f"{path}.selectPolicy", select, _SELECT))
    policies = rules.get("policies") or ()
    if not isinstance(policies, list | tuple):
        return [*errors, invalid(f"{path}.policies", policies, "must be a list")]
    for index, policy in enumerate(policies):
        errors += _validate_policy(f"{path}.policies[{index}]", policy)
    return errors


def _validate_policy(path: str, policy: Any) -> FieldErrors:
    if not isinstance(policy, Mapping):
        return [invalid(path, policy, "must be an object")]
    errors: FieldErrors = []
    if policy.get("type") not in _POLICIES:
        errors.append(not_supported(f"{path}.type", policy.get("type", ""), _POLICIES))
    for name, most in (("value", None), ("periodSeconds", _LONGEST_PERIOD_SECONDS)):
        number = policy.get(name)
        if not _is_whole(number) or number <= 0:
            errors.append(invalid(f"{path}.{name}", number, "must be greater than zero"))
        elif most is not None and number > most:
            detail = f"must be less than or equal to {most}"
            errors.append(invalid(f"{path}.{name}", number, detail))
    return errors


def _is_whole(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool)
