from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wakeful.eventing.sources.kafka.ledger import Ledger


@given(
    gaps=st.lists(st.integers(1, 3), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_nothing_that_is_not_done_is_ever_skipped(gaps: list[int], order: Random) -> None:
    """Whatever the order of endings, the commit stops at the first record under way."""
    offsets = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    ledger, done = Ledger(), set()
    for offset in offsets:
        ledger.take(offset)
    ending = list(offsets)
    order.shuffle(ending)

    for offset in ending:
        ledger.done(offset)
        done.add(offset)
        safe = ledger.to_commit()
        if safe is not None:
            assert all(o in done for o in offsets if o < safe)
            ledger.committed(safe)
            assert ledger.to_commit() is None

    assert ledger.under_way == 0


def test_all_done_commits_what_comes_next() -> None:
    """The offset after the last record, once."""
    ledger = Ledger()
    assert ledger.to_commit() is None

    ledger.take(4)
    assert ledger.to_commit() == 4
    ledger.done(4)

    assert ledger.to_commit() == 5
