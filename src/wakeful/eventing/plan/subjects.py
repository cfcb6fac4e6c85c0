"""Under which subject an event is stored, so that the server does the coarse filtering. Pure.

``wk.<stream>.<type>.<source>.<partition>``: type and source as hashes, because they may hold
anything; the partition is that of the event's key.
"""

from __future__ import annotations

import functools
from hashlib import blake2b
from typing import TYPE_CHECKING

from wakeful.eventing.plan.model import KEY_PARTITIONS, SubscriptionPlan

if TYPE_CHECKING:
    from wakeful.cloudevents import Event

_MOST_SUBJECTS = 64
"""Of more combinations of types and sources, only the types are filtered by the server."""


@functools.lru_cache(maxsize=4096)
def _token(text: str) -> str:
    return blake2b(text.encode(), digest_size=9).hexdigest()


def event_key(event: Event) -> str:
    """What decides the order: ``partitionkey``, else the subject, else the source."""
    key = event.extensions.get("partitionkey")
    return str(key) if key is not None else event.subject or event.source


def partition_of(key: str) -> int:
    """The partition of a key."""
    return int.from_bytes(blake2b(key.encode(), digest_size=2).digest()) % KEY_PARTITIONS


def subject_of(prefix: str, event: Event) -> str:
    """Where an event is published."""
    partition = partition_of(event_key(event))
    return f"{prefix}.{_token(event.type)}.{_token(event.source)}.{partition}"


def filter_subjects(
    prefix: str, subscription: SubscriptionPlan, partition: int | None = None
) -> tuple[str, ...]:
    """The subjects of all events that may pass a subscription's filters."""
    types = subscription.types or ("",)
    sources = subscription.sources or ("",)
    if len(types) * len(sources) > _MOST_SUBJECTS:
        sources = ("",)
    if len(types) > _MOST_SUBJECTS:
        types = ("",)
    last = "*" if partition is None else str(partition)
    return tuple(
        dict.fromkeys(
            f"{prefix}.{_token(t) if t else '*'}.{_token(s) if s else '*'}.{last}"
            for t in types
            for s in sources
        )
    )
