"""Keeps an index of roles in line with the store, without a task of its own."""

from __future__ import annotations

from wakeful.apiserver.auth.index import GROUP, PLURALS, RoleIndex
from wakeful.storage import Store, StoreEventType, WatchOverflowError


class RuleFeed:
    """Catches up with the store whenever the index is asked for.

    A write is therefore in force for the very next request.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = RoleIndex()
        self._load()

    def _load(self) -> None:
        self._subscriptions = [self._store.watch(GROUP, plural) for plural in PLURALS]
        self._index.clear()
        for plural in PLURALS:
            for record in self._store.list(GROUP, plural):
                self._index.put(record.decode())

    def current(self) -> RoleIndex:
        """The index as of the last write."""
        try:
            for subscription in self._subscriptions:
                while (event := subscription.poll()) is not None:
                    if event.type is StoreEventType.DELETED:
                        self._index.remove(event.object)
                    else:
                        self._index.put(event.object)
        except WatchOverflowError:
            self.close()
            self._load()
        return self._index

    def close(self) -> None:
        """Stop following the store."""
        for subscription in self._subscriptions:
            subscription.close()
