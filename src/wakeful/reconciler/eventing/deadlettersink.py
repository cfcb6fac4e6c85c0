"""Where undelivered events go, found and told in a status."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apis.duck import DeliverySpec
from wakeful.apis.duck.lifecycle import DeadLetterStatus
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError


async def resolve_dead_letter_sink(
    resolver: DestinationResolver,
    owner: Object,
    delivery: DeliverySpec | None,
    status: DeadLetterStatus,
    *,
    reason: str = "DeadLetterSinkResolveFailed",
) -> None:
    """Mark the sink as resolved, as not asked for, or as missing because of ``reason``."""
    if delivery is None or delivery.dead_letter_sink is None:
        status.mark_dead_letter_sink_not_configured()
        return
    try:
        found = await resolver.resolve(delivery.dead_letter_sink, owner)
    except UnresolvedError as err:
        status.mark_dead_letter_sink_failed(reason, str(err))
    else:
        status.mark_dead_letter_sink_resolved(found)
