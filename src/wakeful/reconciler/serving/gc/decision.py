"""Which Revisions may go, and when the next one might."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from wakeful.apis.serving import Configuration, Revision, RoutingState, register
from wakeful.apis.serving.config import GCConfig

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to delete now, and after how many seconds to decide again."""

    delete: tuple[Revision, ...] = ()
    again_after: float | None = None


def decide(
    configuration: Configuration, revisions: Iterable[Revision], config: GCConfig, now: datetime
) -> Decision:
    """Choose among a Configuration's Revisions.

    Stale ones go while more than the minimum remain; beyond the maximum the oldest go, stale or
    not. The order is by when they were routed to last.
    """
    if not config.enabled:
        return Decision()
    idle = sorted((r for r in revisions if not _is_kept(r, configuration)), key=_last_active)
    spare = len(idle) - config.min_non_active_revisions
    if spare <= 0:
        return Decision()
    due = [(_stale_at(revision, config), revision) for revision in idle]
    stale = [revision for when, revision in due if when is not None and when <= now][:spare]
    rest = [revision for revision in idle if revision not in stale]
    most = config.max_non_active_revisions
    if len(stale) < spare and most is not None and len(rest) > most:
        excess = rest[: len(rest) - most]
        stale += excess
    gone = {revision.metadata.name for revision in stale}
    waiting = [
        (when - now).total_seconds()
        for when, revision in due
        if when is not None and when > now and revision.metadata.name not in gone
    ]
    still_spare = len(idle) - len(stale) > config.min_non_active_revisions
    again = max(1.0, min(waiting)) if waiting and still_spare else None
    return Decision(tuple(stale), again)


def _is_kept(revision: Revision, configuration: Configuration) -> bool:
    return (
        revision.metadata.name == configuration.status.latest_ready_revision_name
        or revision.metadata.annotations.get(register.NO_GC, "").lower() == "true"
        or revision.routing_state != RoutingState.RESERVE
        or revision.is_deleting
    )


def _last_active(revision: Revision) -> datetime:
    return revision.last_active or _EPOCH


def _stale_at(revision: Revision, config: GCConfig) -> datetime | None:
    """When it will be both old enough and idle enough; a disabled age counts as exceeded."""
    created, active = config.retain_since_create_time, config.retain_since_last_active_time
    if created is None and active is None:
        return None
    moments = [_EPOCH]
    if created is not None:
        moments.append((revision.metadata.creation_timestamp or _EPOCH) + created)
    if active is not None:
        moments.append(_last_active(revision) + active)
    return max(moments)
