"""Takes what stays out of the garbage collector's sight.

A thousand services are half a million objects in the informers' caches. They hold no cycles and go
by their counts alone; but a full collection looks at every one of them, for half a second in which
no request gets anywhere.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

_LEAST = 2_000
_SHARE = 0.25


class LongLived:
    """Hears of objects that have settled, and freezes them with all that is alive in the moment.

    Whatever is frozen is still freed by its count. Only a cycle that becomes garbage later stays:
    a few of those there may be each time, so it is done for many objects at a time only.
    """

    def __init__(self, freeze: Callable[[], None] | None = None) -> None:
        self._freeze = freeze or _collect_and_freeze
        self._settled = 0

    def on_settled(self, count: int, total: int) -> None:
        """``count`` objects are going to stay; there are ``total`` now."""
        self._settled += count
        if self._settled >= max(_LEAST, total * _SHARE):
            self._settled = 0
            self._freeze()


def _collect_and_freeze() -> None:
    gc.collect(1)  # the young, of which some are garbage; takes a few milliseconds
    gc.freeze()
