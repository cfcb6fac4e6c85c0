"""Exponential back-off with jitter, as a value: the caller owns the waiting."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays in seconds that double from ``base`` to ``cap``; ``jitter`` is a fraction of each.

    ``random.uniform`` is replaceable for tests through ``rng``.
    """

    base: float = 0.1
    cap: float = 30.0
    factor: float = 2.0
    jitter: float = 0.1
    rng: random.Random = field(default_factory=random.Random, repr=False)
    failures: int = 0

    def next(self) -> float:
        """Count one more failure and return how long to wait before the next attempt."""
        delay = min(self.cap, self.base * self.factor ** min(self.failures, 64))
        self.failures += 1
        return delay * (1 + self.rng.uniform(0, self.jitter))

    def reset(self) -> None:
        """Forget the failures: the next delay is ``base`` again."""
        self.failures = 0
