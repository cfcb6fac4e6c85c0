"""What one revision asks of the autoscaler: annotations over the cluster's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from wakeful.apis.autoscaling.annotations import RPS, TARGET_MIN, AutoscalingAnnotations
from wakeful.apis.autoscaling.config import AutoscalerConfig
from wakeful.autoscaler.aggregation import Aggregation, panic_window_seconds
from wakeful.autoscaler.burst import gate_moves

T = TypeVar("T")


class ScalingMetric(StrEnum):
    """What is averaged."""

    CONCURRENCY = "concurrency"
    RPS = "rps"


@dataclass(frozen=True, slots=True)
class ScalingSpec:
    """Everything a decision needs to know about a revision, resolved to plain numbers."""

    metric: ScalingMetric
    total_value: float
    """What one instance can take."""
    utilization: float
    """The share of it that is aimed for."""
    target_value: float
    """``total_value * utilization``, and at least 0.01."""
    stable_window_seconds: float
    panic_window_seconds: float
    panic_threshold: float
    """A factor: 2 is twice what the ready instances are meant to carry."""
    max_scale_up_rate: float
    max_scale_down_rate: float
    target_burst_capacity: float
    activator_capacity: float
    initial_scale: int
    activation_scale: int
    """The least scale above zero; 0 and 1 change nothing."""
    scale_down_delay_seconds: float
    reachable: bool
    """Some route leads here; without one the revision may go to zero at once."""
    min_scale: int
    """0 while unreachable, whatever was asked for.

    The guide of 2019 says that a revision without a route keeps its minimum; since then it does
    not, and upstream's rule of today holds here: what nobody can call costs nothing.
    """
    max_scale: int
    """0 is no limit."""
    pod_retention_seconds: float
    aggregation: Aggregation
    limited: bool = False
    """Each instance has a hard limit, for which all requests queue at the gate in either mode."""
    gate_moves: bool = False
    """Without one, the gate goes where the mode says; see :mod:`wakeful.autoscaler.burst`."""


def resolve_spec(
    config: AutoscalerConfig,
    annotations: AutoscalingAnnotations,
    *,
    container_concurrency: int = 0,
    reachable: bool = True,
) -> ScalingSpec:
    """Settle each knob: the annotation where there is one, else the cluster's default."""
    if annotations.metric == RPS:
        metric, total = ScalingMetric.RPS, config.requests_per_second_target_default
        utilization = config.target_utilization
    else:
        metric = ScalingMetric.CONCURRENCY
        total = float(container_concurrency) or config.container_concurrency_target_default
        utilization = config.container_concurrency_target_fraction
    if annotations.target is not None:
        total = annotations.target
        if metric is ScalingMetric.CONCURRENCY and container_concurrency:
            total = min(total, float(container_concurrency))  # more would never be let in
    utilization = _either(annotations.target_utilization, utilization)
    stable_window = _either(annotations.window_seconds, config.stable_window_seconds)
    panic_percentage = _either(annotations.panic_window_percentage, config.panic_window_percentage)
    threshold = _either(annotations.panic_threshold_percentage, config.panic_threshold_percentage)
    weighted = annotations.aggregation == Aggregation.WEIGHTED_EXPONENTIAL
    retention = _either(annotations.pod_retention_seconds, config.pod_retention_seconds)
    return ScalingSpec(
        metric=metric,
        total_value=total,
        utilization=utilization,
        target_value=max(TARGET_MIN, total * utilization),
        stable_window_seconds=stable_window,
        panic_window_seconds=panic_window_seconds(stable_window, panic_percentage),
        panic_threshold=threshold / 100,
        max_scale_up_rate=config.max_scale_up_rate,
        max_scale_down_rate=config.max_scale_down_rate,
        target_burst_capacity=_either(
            annotations.target_burst_capacity, config.target_burst_capacity
        ),
        activator_capacity=config.activator_capacity,
        initial_scale=_initial_scale(config, annotations),
        activation_scale=annotations.activation_scale or 0,
        scale_down_delay_seconds=_either(
            annotations.scale_down_delay_seconds, config.scale_down_delay_seconds
        ),
        reachable=reachable,
        min_scale=_either(annotations.min_scale, config.min_scale) if reachable else 0,
        max_scale=_either(annotations.max_scale, config.max_scale),
        pod_retention_seconds=retention if reachable else 0.0,
        aggregation=Aggregation.WEIGHTED_EXPONENTIAL if weighted else Aggregation.LINEAR,
        limited=container_concurrency > 0,
        gate_moves=gate_moves(annotations.target_burst_capacity, config.target_burst_capacity),
    )


def _initial_scale(config: AutoscalerConfig, annotations: AutoscalingAnnotations) -> int:
    asked = annotations.initial_scale
    if asked is None or (asked == 0 and not config.allow_zero_initial_scale):
        return config.initial_scale
    return asked


def _either(asked: T | None, default: T) -> T:
    return default if asked is None else asked
