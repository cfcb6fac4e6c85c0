"""The ``autoscaling.knative.dev/…`` annotations: their keys, and their values once read.

Most keys have a dashed spelling and an older camel-case one; the dashed one wins when both are
there. Reading is lenient, as upstream's accessors are: a value that cannot be read counts as
absent. Refusing it is the job of :mod:`wakeful.apis.autoscaling.annotations_validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.goscalars import parse_float, parse_int

GROUP = "autoscaling.knative.dev"
"""The public group: annotations that users write."""
INTERNAL_GROUP = "autoscaling.internal.knative.dev"
"""The group of the kinds."""

KPA = "kpa.autoscaling.knative.dev"
"""Class of the request-driven autoscaler."""
HPA = "hpa.autoscaling.knative.dev"
"""Class that leaves scaling to a HorizontalPodAutoscaler."""

CONCURRENCY, RPS, CPU, MEMORY = "concurrency", "rps", "cpu", "memory"
LINEAR = "linear"
WEIGHTED_EXPONENTIAL = "weighted-exponential"
WEIGHTED_EXPONENTIAL_ALIAS = "weightedExponential"

TARGET_MIN = 0.01
WINDOW_MIN_SECONDS = 0
"""Upstream asks for 6 s: its averages come over the network, and fewer than a handful of seconds of
them would be noise. Here they come from the Envoy next door, every second, and a revision that
should sleep as soon as it can may say so. A window of 0 s is the last second.
"""
DEFAULT_WINDOW_MIN_SECONDS = 6
"""The least for everybody (``stable-window`` of ``config-autoscaler``), as upstream has it."""
WINDOW_MAX_SECONDS = 3600
PANIC_WINDOW_PERCENTAGE_MIN, PANIC_WINDOW_PERCENTAGE_MAX = 1, 100
PANIC_THRESHOLD_PERCENTAGE_MIN, PANIC_THRESHOLD_PERCENTAGE_MAX = 110, 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AnnotationKey:
    """One annotation under all its spellings, best first."""

    spellings: tuple[str, ...]

    @classmethod
    def of(cls, *names: str, group: str = GROUP) -> AnnotationKey:
        """The key ``group/name`` with its aliases."""
        return cls(tuple(f"{group}/{name}" for name in names))

    @property
    def name(self) -> str:
        """The spelling we write."""
        return self.spellings[0]

    def find(self, annotations: Mapping[str, str]) -> tuple[str, str] | None:
        """The spelling that is present and its value."""
        for spelling in self.spellings:
            value = annotations.get(spelling)
            if value is not None:
                return spelling, value
        return None

    def get(self, annotations: Mapping[str, str]) -> str | None:
        """The value under whichever spelling is present."""
        found = self.find(annotations)
        return found[1] if found else None


CLASS = AnnotationKey.of("class")
METRIC = AnnotationKey.of("metric")
MIN_SCALE = AnnotationKey.of("min-scale", "minScale")
MAX_SCALE = AnnotationKey.of("max-scale", "maxScale")
INITIAL_SCALE = AnnotationKey.of("initial-scale", "initialScale")
ACTIVATION_SCALE = AnnotationKey.of("activation-scale")
SCALE_DOWN_DELAY = AnnotationKey.of("scale-down-delay", "scaleDownDelay")
WINDOW = AnnotationKey.of("window")
TARGET = AnnotationKey.of("target")
TARGET_UTILIZATION_PERCENTAGE = AnnotationKey.of(
    "target-utilization-percentage", "targetUtilizationPercentage"
)
TARGET_BURST_CAPACITY = AnnotationKey.of("target-burst-capacity", "targetBurstCapacity")
PANIC_WINDOW_PERCENTAGE = AnnotationKey.of("panic-window-percentage", "panicWindowPercentage")
PANIC_THRESHOLD_PERCENTAGE = AnnotationKey.of(
    "panic-threshold-percentage", "panicThresholdPercentage"
)
POD_RETENTION_PERIOD = AnnotationKey.of(
    "scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod"
)
AGGREGATION_ALGORITHM = AnnotationKey.of(
    "metric-aggregation-algorithm", "metricAggregationAlgorithm"
)
PROGRESS_DEADLINE = AnnotationKey.of(
    "progress-deadline", "progressDeadline", group="serving.knative.dev"
)
"""Not ours, but how long an activation may take is read from it."""

OWN_GROUP = "autoscaling.wakeful.dev"
"""What this platform has beyond Knative."""
AT_ZERO = AnnotationKey.of("at-zero", group=OWN_GROUP)
FROZEN_FOR = AnnotationKey.of("frozen-for", group=OWN_GROUP)
ZYGOTE_FOR = AnnotationKey.of("zygote-for", group=OWN_GROUP)
GONE, FROZEN, ZYGOTE = "gone", "frozen", "zygote"

ALL_KEYS = (
    CLASS,
    METRIC,
    MIN_SCALE,
    MAX_SCALE,
    INITIAL_SCALE,
    ACTIVATION_SCALE,
    SCALE_DOWN_DELAY,
    WINDOW,
    TARGET,
    TARGET_UTILIZATION_PERCENTAGE,
    TARGET_BURST_CAPACITY,
    PANIC_WINDOW_PERCENTAGE,
    PANIC_THRESHOLD_PERCENTAGE,
    POD_RETENTION_PERIOD,
    AGGREGATION_ALGORITHM,
)


def default_metric(class_name: str) -> str:
    """What a class scales on when nothing is said; empty for classes we do not know."""
    return {KPA: CONCURRENCY, HPA: CPU}.get(class_name, "")


@dataclass(frozen=True, slots=True)
class AutoscalingAnnotations:
    """The values a user wrote, typed; ``None`` where the cluster's configuration decides."""

    class_name: str = KPA
    metric: str = CONCURRENCY
    min_scale: int | None = None
    max_scale: int | None = None
    """0 is no limit."""
    initial_scale: int | None = None
    activation_scale: int | None = None
    """The least scale above zero."""
    scale_down_delay_seconds: float | None = None
    window_seconds: float | None = None
    target: float | None = None
    target_utilization: float | None = None
    """A fraction, not a percentage."""
    target_burst_capacity: float | None = None
    """-1 keeps the gate in the path, 0 takes it out as soon as an instance is ready."""
    panic_window_percentage: float | None = None
    panic_threshold_percentage: float | None = None
    pod_retention_seconds: float | None = None
    """How long the last instance stays once it is idle."""
    aggregation: str | None = None
    """Normalised to the dashed spelling."""
    progress_deadline_seconds: float | None = None
    freezes: bool = False
    """Whether the last instance is frozen at zero, before it is gone."""
    frozen_seconds: float | None = None
    """For how long; 0 is no limit."""
    keeps_zygote: bool = False
    """Whether, at zero, an instance waits with its modules imported, its program not begun."""
    zygote_seconds: float | None = None
    """For how long; 0 is no limit."""

    @classmethod
    def parse(cls, annotations: Mapping[str, str]) -> AutoscalingAnnotations:
        """Read the annotations of a template, a Revision or a PodAutoscaler."""
        class_name = CLASS.get(annotations)
        class_name = KPA if class_name is None else class_name
        metric = METRIC.get(annotations)
        utilization = _read(annotations, TARGET_UTILIZATION_PERCENTAGE, parse_float)
        aggregation = AGGREGATION_ALGORITHM.get(annotations)
        if aggregation == WEIGHTED_EXPONENTIAL_ALIAS:
            aggregation = WEIGHTED_EXPONENTIAL
        return cls(
            class_name=class_name,
            metric=default_metric(class_name) if metric is None else metric,
            min_scale=_read(annotations, MIN_SCALE, _int32),
            max_scale=_read(annotations, MAX_SCALE, _int32),
            initial_scale=_read(annotations, INITIAL_SCALE, _int32),
            activation_scale=_read(annotations, ACTIVATION_SCALE, _int32),
            scale_down_delay_seconds=_read(annotations, SCALE_DOWN_DELAY, _seconds),
            window_seconds=_read(annotations, WINDOW, _seconds),
            target=_read(annotations, TARGET, parse_float),
            target_utilization=None if utilization is None else utilization / 100,
            target_burst_capacity=_read(annotations, TARGET_BURST_CAPACITY, parse_float),
            panic_window_percentage=_read(annotations, PANIC_WINDOW_PERCENTAGE, parse_float),
            panic_threshold_percentage=_read(annotations, PANIC_THRESHOLD_PERCENTAGE, parse_float),
            pod_retention_seconds=_read(annotations, POD_RETENTION_PERIOD, _seconds),
            aggregation=aggregation,
            progress_deadline_seconds=_read(annotations, PROGRESS_DEADLINE, _seconds),
            freezes=AT_ZERO.get(annotations) == FROZEN,
            frozen_seconds=_read(annotations, FROZEN_FOR, _seconds),
            keeps_zygote=AT_ZERO.get(annotations) == ZYGOTE,
            zygote_seconds=_read(annotations, ZYGOTE_FOR, _seconds),
        )


def _read(
    annotations: Mapping[str, str], key: AnnotationKey, parse: Callable[[str], T]
) -> T | None:
    text = key.get(annotations)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def _int32(text: str) -> int:
    return parse_int(text, 32)


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()
