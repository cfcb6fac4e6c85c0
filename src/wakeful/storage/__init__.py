"""Revisioned JSON objects with optimistic concurrency and watch, behind one protocol.

Not for anything that knows what an object means: defaulting, validation, conversion, selectors and
deletion rules belong to the API server, the only package that may import this one.
"""

from wakeful.storage.history import Subscription
from wakeful.storage.memory import MemoryStore
from wakeful.storage.sqlite import SQLiteStore
from wakeful.storage.store import (
    CompactedError,
    Key,
    KeyExistsError,
    KeyMissingError,
    Record,
    RevisionConflictError,
    Store,
    StoreError,
    StoreEvent,
    StoreEventType,
    StoreUnwritableError,
    WatchOverflowError,
)

__all__ = [
    "CompactedError",
    "Key",
    "KeyExistsError",
    "KeyMissingError",
    "MemoryStore",
    "Record",
    "RevisionConflictError",
    "SQLiteStore",
    "Store",
    "StoreError",
    "StoreEvent",
    "StoreEventType",
    "StoreUnwritableError",
    "Subscription",
    "WatchOverflowError",
]
