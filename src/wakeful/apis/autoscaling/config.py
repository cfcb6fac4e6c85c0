"""``config-autoscaler``: the cluster's defaults for every revision, checked as upstream does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wakeful.apimachinery.duration import format_duration, parse_duration
from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.goscalars import (
    format_float,
    parse_bool,
    parse_float,
    parse_int,
)
from wakeful.apis.autoscaling.annotations import (
    DEFAULT_WINDOW_MIN_SECONDS,
    KPA,
    PANIC_WINDOW_PERCENTAGE_MAX,
    PANIC_WINDOW_PERCENTAGE_MIN,
    TARGET_MIN,
    WINDOW_MAX_SECONDS,
)

CONFIG_NAME = "config-autoscaler"


class AutoscalerConfigError(WakefulError, ValueError):
    """A value of ``config-autoscaler`` is not acceptable; the message is upstream's."""

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class AutoscalerConfig:
    """Every key of the map with its default, as fractions and seconds to compute with."""

    container_concurrency_target_fraction: float = 0.7
    """``container-concurrency-target-percentage``; up to 1 it is read as a fraction."""
    container_concurrency_target_default: float = 100.0
    """Requests in flight one instance can take when containerConcurrency says nothing."""
    requests_per_second_target_default: float = 200.0
    target_burst_capacity: float = 211.0
    """Spare capacity below which the gate stays in the path; -1 always, 0 only at zero."""
    stable_window_seconds: float = 60.0
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    enable_scale_to_zero: bool = True
    scale_to_zero_grace_seconds: float = 30.0
    """The most that passes between "inactive" and no instance, unless retention is longer."""
    pod_retention_seconds: float = 0.0
    """The least that passes between "inactive" and no instance."""
    pod_autoscaler_class: str = KPA
    activator_capacity: float = 100.0
    initial_scale: int = 1
    allow_zero_initial_scale: bool = False
    min_scale: int = 0
    max_scale: int = 0
    """0 is no limit."""
    max_scale_limit: int = 0
    """The highest max-scale a revision may ask for; 0 is no limit."""
    scale_down_delay_seconds: float = 0.0

    target_utilization: float = 0.7
    """Share of a requests-per-second target that is aimed for; upstream has no key for it."""


def parse_config(data: Mapping[str, str]) -> AutoscalerConfig:
    """Read the map; keys it does not know (``tick-interval``, ``_example``) are left alone.

    Raises:
        AutoscalerConfigError: A value cannot be read or is out of bounds.
    """
    values: dict[str, Any] = {}
    for key, (field, parse) in _PARSERS.items():
        if key in data:
            try:
                values[field] = parse(data[key])
            except ValueError as err:
                raise AutoscalerConfigError(f'failed to parse "{key}": {err}', key=key) from err
    durations = {
        key: values.pop(field, timedelta(seconds=getattr(_DEFAULTS, field)))
        for key, field in _DURATIONS.items()
    }
    fraction = values.get("container_concurrency_target_fraction")
    if fraction is not None and fraction > 1:
        values["container_concurrency_target_fraction"] = fraction / 100
    config = AutoscalerConfig(
        **values, **{_DURATIONS[key]: value.total_seconds() for key, value in durations.items()}
    )
    _check_durations(durations)
    _check_targets(config)
    _check_rates(config)
    _check_windows(config, durations)
    _check_scales(config)
    return config


def config_or_default(data: Mapping[str, str]) -> AutoscalerConfig:
    """Read the map for admission: what makes no sense counts as unset, never as an error."""
    try:
        return parse_config(data)
    except AutoscalerConfigError:
        return AutoscalerConfig()


def _check_durations(durations: Mapping[str, timedelta]) -> None:
    key = "scale-to-zero-grace-period"
    if durations[key] <= timedelta():
        raise AutoscalerConfigError(
            f"{key} must be positive, was: {format_duration(durations[key])}", key=key
        )
    for key in ("scale-down-delay", "scale-to-zero-pod-retention-period"):
        if durations[key] < timedelta():
            raise AutoscalerConfigError(
                f"{key} cannot be negative, was: {format_duration(durations[key])}", key=key
            )
    _check_whole_seconds("scale-down-delay", durations)


def _check_whole_seconds(key: str, durations: Mapping[str, timedelta]) -> None:
    if durations[key].microseconds:
        text = format_duration(durations[key])
        raise AutoscalerConfigError(
            f"{key} = {text}, must be specified with at most second precision", key=key
        )


def _check_targets(config: AutoscalerConfig) -> None:
    if config.target_burst_capacity < 0 and config.target_burst_capacity != -1:
        key = "target-burst-capacity"
        raise AutoscalerConfigError(
            f"{key} must be either non-negative or -1 (for unlimited),"
            f" was: {config.target_burst_capacity:f}",
            key=key,
        )
    key, fraction = (
        "container-concurrency-target-percentage",
        config.container_concurrency_target_fraction,
    )
    if not 0 < fraction <= 1:
        raise AutoscalerConfigError(
            f"{key} = {fraction:f} is outside of valid range of (0, 100]", key=key
        )
    target = fraction * config.container_concurrency_target_default
    if target < TARGET_MIN:
        raise AutoscalerConfigError(
            f"{key} and container-concurrency-target-default yield target concurrency of"
            f" {format_float(target)}, can't be less than {format_float(TARGET_MIN)}",
            key=key,
        )
    if config.requests_per_second_target_default < TARGET_MIN:
        key = "requests-per-second-target-default"
        raise AutoscalerConfigError(
            f"{key} must be at least {format_float(TARGET_MIN)},"
            f" was: {format_float(config.requests_per_second_target_default)}",
            key=key,
        )


def _check_rates(config: AutoscalerConfig) -> None:
    if config.activator_capacity < 1:
        raise AutoscalerConfigError(
            f"activator-capacity = {format_float(config.activator_capacity)}, must be at least 1",
            key="activator-capacity",
        )
    for key, rate in (
        ("max-scale-up-rate", config.max_scale_up_rate),
        ("max-scale-down-rate", config.max_scale_down_rate),
    ):
        if rate <= 1:
            raise AutoscalerConfigError(
                f"{key} = {format_float(rate)}, must be greater than 1.0", key=key
            )


def _check_windows(config: AutoscalerConfig, durations: Mapping[str, timedelta]) -> None:
    key = "stable-window"
    lower, upper = (
        timedelta(seconds=DEFAULT_WINDOW_MIN_SECONDS),
        timedelta(seconds=WINDOW_MAX_SECONDS),
    )
    if not lower <= durations[key] <= upper:
        raise AutoscalerConfigError(
            f"{key} = {format_duration(durations[key])}, must be in"
            f" [{format_duration(lower)}; {format_duration(upper)}] range",
            key=key,
        )
    _check_whole_seconds(key, durations)
    key, percentage = "panic-window-percentage", config.panic_window_percentage
    if not PANIC_WINDOW_PERCENTAGE_MIN <= percentage <= PANIC_WINDOW_PERCENTAGE_MAX:
        raise AutoscalerConfigError(
            f"{key} = {format_float(percentage)}, must be in"
            f" [{PANIC_WINDOW_PERCENTAGE_MIN}, {PANIC_WINDOW_PERCENTAGE_MAX}] interval",
            key=key,
        )


def _check_scales(config: AutoscalerConfig) -> None:
    initial, low, high = config.initial_scale, config.min_scale, config.max_scale
    limit = config.max_scale_limit
    if initial < 0 or (initial == 0 and not config.allow_zero_initial_scale):
        raise AutoscalerConfigError(
            f"initial-scale = {initial}, must be at least 0"
            " (or at least 1 when allow-zero-initial-scale is false)",
            key="initial-scale",
        )
    if low < 0:
        raise AutoscalerConfigError(f"min-scale = {low}, must be at least 0", key="min-scale")
    least = 1 if limit > 0 else 0
    if high < least or (limit > 0 and high > limit):
        raise AutoscalerConfigError(
            f"max-scale = {high}, must be in [{least}, max-scale-limit({limit})] range",
            key="max-scale",
        )
    if limit < 0:
        raise AutoscalerConfigError(
            f"max-scale-limit = {limit}, must be at least 0", key="max-scale-limit"
        )
    if low > high > 0:
        raise AutoscalerConfigError(
            f"min-scale ({low}) must be less than max-scale ({high})", key="min-scale"
        )


def _int32(text: str) -> int:
    return parse_int(text, 32)


_DEFAULTS = AutoscalerConfig()

_DURATIONS = {
    "stable-window": "stable_window_seconds",
    "scale-down-delay": "scale_down_delay_seconds",
    "scale-to-zero-grace-period": "scale_to_zero_grace_seconds",
    "scale-to-zero-pod-retention-period": "pod_retention_seconds",
}

_PARSERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "pod-autoscaler-class": ("pod_autoscaler_class", str.strip),
    "enable-scale-to-zero": ("enable_scale_to_zero", parse_bool),
    "allow-zero-initial-scale": ("allow_zero_initial_scale", parse_bool),
    "max-scale-up-rate": ("max_scale_up_rate", parse_float),
    "max-scale-down-rate": ("max_scale_down_rate", parse_float),
    "container-concurrency-target-percentage": (
        "container_concurrency_target_fraction",
        parse_float,
    ),
    "container-concurrency-target-default": ("container_concurrency_target_default", parse_float),
    "requests-per-second-target-default": ("requests_per_second_target_default", parse_float),
    "target-burst-capacity": ("target_burst_capacity", parse_float),
    "panic-window-percentage": ("panic_window_percentage", parse_float),
    "activator-capacity": ("activator_capacity", parse_float),
    "panic-threshold-percentage": ("panic_threshold_percentage", parse_float),
    "initial-scale": ("initial_scale", _int32),
    "min-scale": ("min_scale", _int32),
    "max-scale": ("max_scale", _int32),
    "max-scale-limit": ("max_scale_limit", _int32),
    **{key: (field, parse_duration) for key, field in _DURATIONS.items()},
}
"""In the order upstream reads them, so that the first fault reported is the same."""
