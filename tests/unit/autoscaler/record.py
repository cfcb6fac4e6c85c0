"""Draws the traces and writes them with their tables: ``python tests/unit/autoscaler/record.py``.

Only for whoever wants other traces; what is recorded stays as it is, whatever Python draws later.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from scaling_reference import PREFIX
from scaling_traces import FILE, Trace, make_table

V = TypeVar("V")
SECONDS = 220
SEEDS = 24
Shape = Callable[[random.Random], Iterator[float]]


def steady(rng: random.Random) -> Iterator[float]:
    level = rng.choice([0.3, 1, 7, 50, 400])
    while True:
        yield level


def step(rng: random.Random) -> Iterator[float]:
    low, high, at = rng.uniform(0, 5), rng.uniform(20, 300), rng.randrange(20, 150)
    for second in range(SECONDS):
        yield low if second < at else high


def ramp(rng: random.Random) -> Iterator[float]:
    """Up and down again, by a step every few seconds."""
    height, pace = rng.uniform(20, 400), rng.randrange(3, 12)
    for second in range(SECONDS):
        part = second // pace * pace / SECONDS
        yield height * 2 * min(part, 1 - part)


def spike(rng: random.Random) -> Iterator[float]:
    level, height, at = rng.uniform(0, 10), rng.uniform(50, 1000), rng.randrange(10, 150)
    length = rng.randrange(1, 15)
    for second in range(SECONDS):
        yield height if at <= second < at + length else level


def on_off(rng: random.Random) -> Iterator[float]:
    """A crowd that comes and goes, the pauses about as long as a window with its grace."""
    level = rng.uniform(5, 120)
    while True:
        yield from [level] * rng.randrange(2, 40)
        yield from [0.0] * rng.randrange(4, 110)


def saw(rng: random.Random) -> Iterator[float]:
    height, period, pace = rng.uniform(10, 300), rng.randrange(12, 120), rng.randrange(2, 6)
    for second in range(SECONDS):
        yield height * (second // pace * pace % period) / period


def noise(rng: random.Random) -> Iterator[float]:
    middle = rng.uniform(2, 150)
    while True:
        yield from [max(0.0, rng.gauss(middle, middle / 3))] * rng.randrange(1, 5)


def burst(rng: random.Random) -> Iterator[float]:
    calm = rng.uniform(0, 3)
    for _ in range(SECONDS):
        yield rng.uniform(50, 500) if rng.random() < 0.06 else calm


def decay(rng: random.Random) -> Iterator[float]:
    level, keep = rng.uniform(50, 800), rng.uniform(0.6, 0.95)
    while True:
        yield from [level] * 4
        level *= keep


def idle(rng: random.Random) -> Iterator[float]:
    """Some load, then none, with a stray request at times."""
    level, until = rng.uniform(0, 20), rng.randrange(0, 60)
    for second in range(SECONDS):
        yield level if second < until else float(rng.random() < 0.012)


SHAPES: tuple[Shape, ...] = (
    steady,
    step,
    ramp,
    spike,
    on_off,
    saw,
    noise,
    burst,
    decay,
    idle,
)


def draw(shape: Shape, seed: int) -> Trace:
    rng = random.Random(f"{shape.__name__} {seed}")

    def any_of(*values: V) -> V:
        return rng.choice(values)

    annotations: dict[str, str] = {}
    config: dict[str, str] = {}

    def either(name: str, key: str, value: str | None) -> None:
        """Say it for the revision or for all, or not at all."""
        if value is not None:
            where = any_of(True, True, False) or not key
            (annotations if where else config)[PREFIX + name if where else key] = value

    def annotate(name: str, value: str | None) -> None:
        if value is not None:
            annotations[PREFIX + name] = value

    window = any_of(None, None, "0s", "1s", "6s", "7s", "20s", "45s", "90s")
    if window in ("0s", "1s"):
        annotate("window", window)  # the configuration takes no less than upstream's minimum
    else:
        either("window", "stable-window", window)
    low, high = any_of((0, 0), (0, 0), (0, 3), (1, 3), (2, 0), (0, 20), (5, 5))
    annotate("metric", any_of(None, "concurrency", "rps", "rps"))
    annotate("target", any_of(None, "1", "10", "10", "0.5", "150", "33.3", "0.01"))
    share = "target-utilization-percentage"
    either(share, "container-concurrency-target-percentage", any_of(None, None, "100", "85", "12"))
    either("target-burst-capacity", "target-burst-capacity", any_of(None, "-1", "0", "50"))
    name = "panic-window-percentage"
    either(name, name, any_of(None, None, "25", "100", "3"))
    name = "panic-threshold-percentage"
    either(name, name, any_of(None, None, "110", "1000"))
    either("scale-down-delay", "scale-down-delay", any_of(None, None, None, "15s", "60s", "5s"))
    least = any_of(None, None, "2", "3")
    annotate("activation-scale", least if not high or high >= 3 else None)
    either("min-scale", "min-scale", str(low) if low else None)
    either("max-scale", "max-scale", str(high) if high else None)
    either("initial-scale", "initial-scale", any_of(None, None, "3", "0"))
    name = "scale-to-zero-pod-retention-period"
    either(name, name, any_of(None, None, "45s", "8s"))
    annotate("metric-aggregation-algorithm", any_of(None, None, None, "weighted-exponential"))
    if rng.random() < 0.5:
        config["max-scale-up-rate"] = any_of("2", "10", "1.1")
    if rng.random() < 0.4:
        config["max-scale-down-rate"] = any_of("1.5", "1000", "3")
    if rng.random() < 0.4:
        config["scale-to-zero-grace-period"] = "6s"
    if rng.random() < 0.1:
        config["enable-scale-to-zero"] = "false"
    if any(v == "0" for k, v in (annotations | config).items() if k.endswith("initial-scale")):
        config["allow-zero-initial-scale"] = "true"
    if rng.random() < 0.15:
        config["container-concurrency-target-default"] = "40"
        config["requests-per-second-target-default"] = "90"

    load: list[float | None] = [
        round(value, 1) if value < 20 else round(value) for value in islice(shape(rng), SECONDS)
    ]
    load += [load[-1]] * (SECONDS - len(load))
    requests = load
    if annotations.get(PREFIX + "metric") == "rps":
        # Requests a second and requests in flight are as far apart as they take seconds.
        pace = any_of(0.5, 2, 10)
        requests = [None if value is None else round(value * pace, 1) for value in load]
    if rng.random() < 0.3:
        at, blind = rng.randrange(SECONDS), any_of(3, 12, 70)
        load = [None if at <= n < at + blind else value for n, value in enumerate(load)]
        requests = [None if load[n] is None else value for n, value in enumerate(requests)]
    trace = Trace(
        name=f"{shape.__name__}-{seed}",
        annotations=annotations,
        config=config,
        limit=any_of(0, 0, 0, 1, 10),
        reachable=rng.random() < 0.85,
        pods=any_of(0, 1, 1, 5),
        lag=any_of(1, 1, 4, 13),
        concurrency=load,
        requests=requests,
    )
    return replace(trace, table=make_table(trace))


def main() -> None:
    """Write the file."""
    traces = [draw(shape, seed) for shape in SHAPES for seed in range(SEEDS)]
    FILE.write_text("".join(trace.to_json() + "\n" for trace in traces))


if __name__ == "__main__":
    main()
