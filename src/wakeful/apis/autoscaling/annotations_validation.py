"""What is wrong with the autoscaling annotations of a template, in upstream's words.

Paths are the annotation keys as the user spelled them; the caller puts
``spec.template.metadata.annotations`` in front.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from wakeful.apimachinery.duration import format_duration, parse_duration
from wakeful.apimachinery.fields import FieldError, FieldErrors, invalid_value, out_of_bounds
from wakeful.apimachinery.goscalars import (
    INT32_MAX,
    OutOfRangeError,
    format_float,
    parse_float,
    parse_int,
)
from wakeful.apis.autoscaling import annotations as keys

_WINDOW_MIN = timedelta(seconds=keys.WINDOW_MIN_SECONDS)
_WINDOW_MAX = timedelta(seconds=keys.WINDOW_MAX_SECONDS)
_NO_FINER_THAN_SECONDS = "must be specified with at most second precision"


class AnnotationLimits(Protocol):
    """What the cluster's configuration has to say about annotations."""

    @property
    def pod_autoscaler_class(self) -> str:
        """The class of revisions that name none."""
        ...

    @property
    def allow_zero_initial_scale(self) -> bool:
        """Whether a revision may start at zero."""
        ...

    @property
    def max_scale_limit(self) -> int:
        """The highest max-scale a user may ask for; 0 is no limit."""
        ...


def validate_annotations(annotations: Mapping[str, str], limits: AnnotationLimits) -> FieldErrors:
    """Every fault of the autoscaling annotations among ``annotations``."""
    return [
        *_validate_class(annotations),
        *_validate_scales(annotations, limits),
        *_validate_numbers(annotations),
        *_validate_window(annotations),
        *_validate_delays(annotations),
        *_validate_metric(annotations, limits),
        *_validate_aggregation(annotations),
        *_validate_initial_scale(annotations, limits),
        *_validate_rest(annotations),
    ]


def _validate_rest(annotations: Mapping[str, str]) -> FieldErrors:
    errors: FieldErrors = []
    found = keys.AT_ZERO.find(annotations)
    if found and found[1] not in (keys.GONE, keys.FROZEN, keys.ZYGOTE):
        errors.append(invalid_value(found[1], found[0]))
    for key in (keys.FROZEN_FOR, keys.ZYGOTE_FOR):
        found = key.find(annotations)
        if not found:
            continue
        try:
            seconds = parse_duration(found[1]).total_seconds()
        except ValueError:
            seconds = -1.0
        if seconds < 0:
            errors.append(invalid_value(found[1], found[0]))
    return errors


def _validate_class(annotations: Mapping[str, str]) -> FieldErrors:
    found = keys.CLASS.find(annotations)
    if found and found[1].endswith(".knative.dev") and found[1] not in (keys.KPA, keys.HPA):
        return [invalid_value(found[1], found[0])]
    return []


def _scale(annotations: Mapping[str, str], key: keys.AnnotationKey) -> tuple[int, FieldErrors]:
    found = key.find(annotations)
    if not found:
        return 0, []
    path, text = found
    try:
        value = parse_int(text, 32)
    except OutOfRangeError:
        return 0, [out_of_bounds(text, 0, INT32_MAX, path)]
    except ValueError:
        return 0, [invalid_value(text, path)]
    if value < 0:
        return 0, [out_of_bounds(text, 0, INT32_MAX, path)]
    return value, []


def _validate_scales(annotations: Mapping[str, str], limits: AnnotationLimits) -> FieldErrors:
    low, errors = _scale(annotations, keys.MIN_SCALE)
    high, more = _scale(annotations, keys.MAX_SCALE)
    errors = [*errors, *more]
    if high != 0 and high < low:
        text = f"max-scale={high} is less than min-scale={low}"
        errors.append(FieldError(text, (keys.MAX_SCALE.name, keys.MIN_SCALE.name)))
    found = keys.MAX_SCALE.find(annotations)
    if found and limits.max_scale_limit:
        if high > limits.max_scale_limit:
            errors.append(out_of_bounds(high, 1, limits.max_scale_limit, found[0]))
        elif high == 0:
            text = f"max-scale=0 (unlimited), must be less than {limits.max_scale_limit}"
            errors.append(FieldError(text, (found[0],)))
    return errors + _validate_activation_scale(annotations, low, high)


def _validate_activation_scale(annotations: Mapping[str, str], low: int, high: int) -> FieldErrors:
    found = keys.ACTIVATION_SCALE.find(annotations)
    if not found:
        return []
    path, text = found
    try:
        value = parse_int(text, 32)
    except ValueError:
        return [invalid_value(text, path)]
    if low > value:
        return [FieldError(f"min-scale={low} is greater than activation-scale={value}", (path,))]
    if high != 0 and high < value:
        return [FieldError(f"max-scale={high} is less than activation-scale={value}", (path,))]
    if value < 2:
        return [FieldError(f"activation-scale={value} must be greater than 1", (path,))]
    return []


def _validate_numbers(annotations: Mapping[str, str]) -> FieldErrors:
    errors: FieldErrors = []
    ranges: tuple[tuple[keys.AnnotationKey, int, int], ...] = (
        (
            keys.PANIC_WINDOW_PERCENTAGE,
            keys.PANIC_WINDOW_PERCENTAGE_MIN,
            keys.PANIC_WINDOW_PERCENTAGE_MAX,
        ),
        (
            keys.PANIC_THRESHOLD_PERCENTAGE,
            keys.PANIC_THRESHOLD_PERCENTAGE_MIN,
            keys.PANIC_THRESHOLD_PERCENTAGE_MAX,
        ),
        (keys.TARGET_UTILIZATION_PERCENTAGE, 1, 100),
    )
    for key, lower, upper in ranges:
        found = key.find(annotations)
        if found:
            number = _float(found[1])
            if number is None:
                errors.append(invalid_value(found[1], found[0]))
            elif not lower <= number <= upper:
                errors.append(out_of_bounds(found[1], lower, upper, found[0]))
    if found := keys.TARGET.find(annotations):
        number = _float(found[1])
        if number is None:
            errors.append(invalid_value(found[1], found[0]))
        elif number < keys.TARGET_MIN:
            least = format_float(keys.TARGET_MIN)
            errors.append(FieldError(f"target {found[1]} should be at least {least}", (found[0],)))
    if found := keys.TARGET_BURST_CAPACITY.find(annotations):
        number = _float(found[1])
        if number is None or (number < 0 and number != -1):
            errors.append(invalid_value(found[1], found[0]))
    return errors


def _float(text: str) -> float | None:
    try:
        return parse_float(text)
    except ValueError:
        return None


def _validate_window(annotations: Mapping[str, str]) -> FieldErrors:
    return _validate_duration(annotations, keys.WINDOW, _WINDOW_MIN, whole_seconds=True)


def _validate_delays(annotations: Mapping[str, str]) -> FieldErrors:
    return [
        *_validate_duration(
            annotations, keys.POD_RETENTION_PERIOD, timedelta(), whole_seconds=False
        ),
        *_validate_duration(annotations, keys.SCALE_DOWN_DELAY, timedelta(), whole_seconds=True),
    ]


def _validate_duration(
    annotations: Mapping[str, str],
    key: keys.AnnotationKey,
    lower: timedelta,
    *,
    whole_seconds: bool,
) -> FieldErrors:
    found = key.find(annotations)
    if not found:
        return []
    path, text = found
    try:
        value = parse_duration(text)
    except ValueError:
        return [invalid_value(text, path)]
    if not lower <= value <= _WINDOW_MAX:
        bounds = format_duration(lower), format_duration(_WINDOW_MAX)
        return [out_of_bounds(text, *bounds, path)]
    if whole_seconds and value.microseconds:
        return [FieldError(_NO_FINER_THAN_SECONDS, (path,))]
    return []


def _validate_metric(annotations: Mapping[str, str], limits: AnnotationLimits) -> FieldErrors:
    found = keys.METRIC.find(annotations)
    if not found:
        return []
    path, metric = found
    class_name = keys.CLASS.get(annotations)
    class_name = limits.pod_autoscaler_class if class_name is None else class_name
    if class_name == keys.KPA:
        legal = metric in (keys.CONCURRENCY, keys.RPS)
    else:
        legal = class_name != keys.HPA or metric != ""  # other classes know what they take
    return [] if legal else [invalid_value(metric, path)]


def _validate_aggregation(annotations: Mapping[str, str]) -> FieldErrors:
    if keys.CLASS.get(annotations) != keys.KPA:
        return []  # an unnamed class may turn out to be one with words of its own
    found = keys.AGGREGATION_ALGORITHM.find(annotations)
    known = ("", keys.LINEAR, keys.WEIGHTED_EXPONENTIAL, keys.WEIGHTED_EXPONENTIAL_ALIAS)
    if not found or found[1] in known:
        return []
    return [invalid_value(found[1], found[0])]


def _validate_initial_scale(
    annotations: Mapping[str, str], limits: AnnotationLimits
) -> FieldErrors:
    found = keys.INITIAL_SCALE.find(annotations)
    if not found:
        return []
    path, text = found
    try:
        value = parse_int(text, 32)
    except ValueError:
        return [invalid_value(text, path)]
    if value < 0:
        return [invalid_value(text, f"{path} must be greater than 0")]
    if value == 0 and not limits.allow_zero_initial_scale:
        return [invalid_value(text, f"{path}=0 not allowed by cluster")]
    return []
