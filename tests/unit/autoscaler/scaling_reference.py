"""The Knative Pod Autoscaler a second time, as its description reads.

Shares no code with the autoscaler and has another shape: it keeps every sample and every earlier
wish, and computes each value from the whole past with plain loops. Annotations and configuration
are taken as users write them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "autoscaling.knative.dev/"
PROGRESS_DEADLINE_SECONDS = 600
ACTIVATION_BUFFER_SECONDS = 30
TICK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a revision when a wish is to be followed; times in seconds."""

    activity: str
    """"True", "Unknown" or "False": the condition Active."""
    since: int
    initialized: bool
    proxied_since: int | None


@dataclass(slots=True)
class Reference:
    """One revision from the first tick on, which finds ``pods`` ready."""

    annotations: Mapping[str, str]
    config: Mapping[str, str]
    limit: int
    reachable: bool
    pods: int
    begin: int
    concurrency: dict[int, float] = field(default_factory=dict)
    requests: dict[int, float] = field(default_factory=dict)
    wishes: list[tuple[int, int]] = field(default_factory=list)
    """Every wish before the delay, with its tick."""
    over: int | None = None
    """When the threshold was last exceeded, while in panic."""
    peak: int = 0

    def __post_init__(self) -> None:
        if self.pods > 1:
            self.over, self.peak = self.begin, self.pods

    # --- knobs ---------------------------------------------------------------------------------

    def knob(self, annotation: str, key: str, default: float) -> float:
        """An annotation, else the configuration, else the default."""
        text = self.annotations.get(PREFIX + annotation, self.config.get(key))
        return default if text is None else float(text.removesuffix("s"))

    @property
    def is_rps(self) -> bool:
        return self.annotations.get(PREFIX + "metric") == "rps"

    @property
    def total(self) -> float:
        asked = self.annotations.get(PREFIX + "target")
        if self.is_rps:
            default = self.config.get("requests-per-second-target-default", "200")
            return float(asked or default)
        default = self.config.get("container-concurrency-target-default", "100")
        natural = float(self.limit) if self.limit else float(default)
        if asked is None:
            return natural
        return min(float(asked), natural) if self.limit else float(asked)

    @property
    def target(self) -> float:
        key = "" if self.is_rps else "container-concurrency-target-percentage"
        share = self.knob("target-utilization-percentage", key, 70) / 100
        return max(0.01, self.total * share)

    @property
    def window(self) -> int:
        return int(self.knob("window", "stable-window", 60))

    @property
    def panic_window(self) -> int:
        share = self.knob("panic-window-percentage", "panic-window-percentage", 10)
        return max(1, math.floor(self.window * share / 100 + 0.5))

    @property
    def burst(self) -> float:
        return self.knob("target-burst-capacity", "target-burst-capacity", 211)

    # --- averages ------------------------------------------------------------------------------

    def average(self, samples: Mapping[int, float], seconds: int, now: int) -> float | None:
        """What a window is worth; None when it holds nothing."""
        buckets = max(1, seconds)
        last = max(samples, default=None)
        if last is None or now - last >= buckets:
            return None
        # A life begins with the first sample after a whole window without any.
        first = last
        for second in sorted(samples, reverse=True):
            if first - second >= buckets:
                break
            first = second
        if self.annotations.get(PREFIX + "metric-aggregation-algorithm"):
            weight = max(1 - (1 - 0.9999) ** (1 / buckets), 0.2)
            worth = 0.0
            for second in range(max(first, now - buckets + 1), last + 1):
                worth += samples.get(second, 0.0) * weight * (1 - weight) ** (now - second)
            return worth
        total, count = 0.0, 0
        for second in range(max(first, now - buckets + 1), last + 1):
            total += samples.get(second, 0.0)
            count += 1
        return math.floor(total / count * 1e6 + 0.5) / 1e6

    # --- one tick ------------------------------------------------------------------------------

    def tick(self, now: int, pods: int) -> tuple[int, int] | None:
        """Wanted instances and excess burst capacity; None without data."""
        samples = self.requests if self.is_rps else self.concurrency
        stable = self.average(samples, self.window, now)
        if stable is None:
            if self.burst != -1:
                return None
            stable = 0.0
        panic = self.average(samples, self.panic_window, now) or 0.0
        ready = max(1, pods)
        up = math.ceil(float(self.config.get("max-scale-up-rate", "1000")) * ready)
        rate = float(self.config.get("max-scale-down-rate", "2"))
        down = math.floor(ready / rate) if self.reachable else 0
        least = self.knob("activation-scale", "", 0)
        answers = []
        for value in (stable, panic):
            raw = math.ceil(value / self.target)
            scale = raw
            if scale < down:
                scale = down
            if scale > up:
                scale = up
            if least > 1 and raw > 0 and scale < least:
                scale = int(least)
            answers.append(scale)
        threshold = self.knob("panic-threshold-percentage", "panic-threshold-percentage", 200)
        if math.ceil(panic / self.target) / ready >= threshold / 100:
            self.over = now
        elif self.over is not None and self.over + self.window < now:
            self.over, self.peak = None, 0
        want = answers[0]
        if self.over is not None:
            self.peak = want = max(answers[0], answers[1], self.peak)
        want = self._delayed(now, want)
        if self.burst in (0, -1):
            return want, int(self.burst)
        return want, math.floor(pods * self.total - self.burst - panic)

    def _delayed(self, now: int, want: int) -> int:
        delay = self.knob("scale-down-delay", "scale-down-delay", 0)
        if not self.reachable or not delay:
            return want
        self.wishes.append((now // TICK_SECONDS, want))
        ticks = math.ceil(delay / TICK_SECONDS)
        return max(wish for tick, wish in self.wishes if now // TICK_SECONDS - tick < ticks)

    # --- limits, and the way to zero -----------------------------------------------------------

    def bounded(self, wish: int, state: State, now: int) -> tuple[int, bool]:
        """The scale and whether it is written, from the table of states."""
        low = int(self.knob("min-scale", "min-scale", 0)) if self.reachable else 0
        high = int(self.knob("max-scale", "max-scale", 0))
        initial = self.initial_scale
        if initial > 1 and not state.initialized and self.reachable:
            low = max(low, initial)
        if wish < 0 and state.activity != "Unknown":
            return -1, False
        if wish < low:
            wish = low
        elif high and wish > high:
            wish = high
        if wish > 0:
            return wish, True
        if self.config.get("enable-scale-to-zero") == "false":
            return 1, True
        since = now - state.since
        if state.activity == "Unknown":
            late = since > PROGRESS_DEADLINE_SECONDS + ACTIVATION_BUFFER_SECONDS
            return (0, True) if late else (-1, False)
        if state.activity == "True":
            return (1, True) if since < self.window else (0, False)
        grace = float(self.config.get("scale-to-zero-grace-period", "30s").removesuffix("s"))
        name = "scale-to-zero-pod-retention-period"
        retention = self.knob(name, name, 0) if self.reachable else 0
        if since >= max(grace, retention):
            return 0, True
        if since < retention:
            return 0, False
        proxied = state.proxied_since is not None and now - state.proxied_since >= grace
        return 0, proxied

    @property
    def initial_scale(self) -> int:
        asked = self.annotations.get(PREFIX + "initial-scale")
        zero_allowed = self.config.get("allow-zero-initial-scale") == "true"
        if asked is None or (asked == "0" and not zero_allowed):
            return int(self.config.get("initial-scale", "1"))
        return int(asked)

    @property
    def active_from(self) -> int:
        """Ready instances it takes to have reached the initial scale."""
        low = int(self.knob("min-scale", "min-scale", 0)) if self.reachable else 0
        return max(low, self.initial_scale)
