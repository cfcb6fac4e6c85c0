"""References without a namespace lead into the namespace of whoever refers."""

from __future__ import annotations

from wakeful.apis.duck.addressable_types import Destination
from wakeful.apis.duck.delivery_types import DeliverySpec


def set_destination_defaults(destination: Destination | None, namespace: str) -> None:
    """Fill in the reference's namespace."""
    if destination is not None and destination.ref is not None and not destination.ref.namespace:
        destination.ref.namespace = namespace


def set_delivery_defaults(delivery: DeliverySpec | None, namespace: str) -> None:
    """Fill in the namespace of the dead letter sink."""
    if delivery is not None:
        set_destination_defaults(delivery.dead_letter_sink, namespace)
