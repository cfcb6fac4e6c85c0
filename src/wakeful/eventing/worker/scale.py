"""How many event processes there should be. Pure, given what they were busy with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_FULL, _SPARE = 0.85, 0.5
_UP_AFTER_SECONDS, _DOWN_AFTER_SECONDS = 3.0, 60.0


@dataclass(slots=True)
class Scaler:
    """One more when one is at its limit for a while; one less when the others could do it all."""

    most: int
    _full_since: float | None = None
    _spare_since: float | None = None

    def decide(self, busy: Sequence[float], now: float) -> int:
        """Return how many there should be.

        ``busy`` is the share of a processor that each one used of late, ``now`` in seconds.
        """
        count = len(busy)
        full = max(busy, default=0.0) >= _FULL
        spare = count > 1 and sum(busy) <= _SPARE * (count - 1)
        self._full_since = (self._full_since or now) if full else None
        self._spare_since = (self._spare_since or now) if spare else None
        if self._full_since is not None and now - self._full_since >= _UP_AFTER_SECONDS:
            self._full_since = None
            return min(self.most, count + 1)
        if self._spare_since is not None and now - self._spare_since >= _DOWN_AFTER_SECONDS:
            self._spare_since = None
            return count - 1
        return max(1, min(self.most, count))
