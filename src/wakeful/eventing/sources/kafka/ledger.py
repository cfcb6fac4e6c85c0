"""Which offset of a partition may be committed while records are delivered out of order. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """The records of one partition that are under way.

    What is committed is the offset of the first record that is not done: whoever consumes next
    begins there. So nothing that was not dealt with is ever skipped, and at most what was under way
    is seen twice.
    """

    _open: dict[int, None] = field(default_factory=dict)
    """Offsets under way, in the order of the partition."""
    _next: int | None = None
    """The offset after the last record that was taken."""
    _committed: int | None = None

    def take(self, offset: int) -> None:
        """A record is about to be delivered; offsets only grow."""
        self._open[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """A record was delivered, dead-lettered or given up."""
        self._open.pop(offset, None)

    @property
    def under_way(self) -> int:
        """Records taken and not done."""
        return len(self._open)

    def to_commit(self) -> int | None:
        """The offset to commit; None when there is nothing new."""
        safe = next(iter(self._open), self._next)
        return None if safe == self._committed else safe

    def committed(self, offset: int) -> None:
        """The broker has stored ``offset``."""
        self._committed = offset
