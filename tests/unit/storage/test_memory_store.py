from __future__ import annotations

from collections.abc import Iterator

import pytest

from wakeful.storage import MemoryStore
from wakeful.storage.history import History
from wakeful.testing.suites.store import StoreSuite, put


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Iterator[MemoryStore]:
        store = MemoryStore(history=History(0, max_events=64, watcher_backlog=32))
        yield store
        store.close()


class TestHistoryBytes:
    async def test_large_events_leave_sooner(self) -> None:
        """The ring is bounded by size as well as by number."""
        store = MemoryStore(history=History(0, max_events=1000, max_bytes=10_000))
        for i in range(10):
            put(store, f"n{i}", data="x" * 3000)

        assert store.oldest_revision == 7
