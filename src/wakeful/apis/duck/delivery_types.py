"""How hard to try, and where events go that could not be delivered."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck.addressable_types import Destination

LINEAR, EXPONENTIAL = "linear", "exponential"
BACKOFF_POLICIES = (EXPONENTIAL, LINEAR)
FORMATS = ("binary", "json")


class DeliverySpec(APIModel):
    """Delivery to one subscriber; durations are ISO 8601 text."""

    dead_letter_sink: Destination | None = None
    retry: int | None = None
    """Attempts after the first one; None is unset, which means one attempt."""
    timeout: str | None = None
    """Limit of each attempt."""
    backoff_policy: str | None = None
    backoff_delay: str | None = None
    """Before retry k (from 0) ``delay*k`` when linear, ``delay*2**k`` when exponential."""
    retry_after_max: str | None = None
    """Most a ``Retry-After`` of the subscriber may ask for; None ignores the header."""
    format: str | None = None
    """``json`` or ``binary``: re-encode outgoing events."""


class DeliveryStatus(APIModel):
    """The dead letter sink, resolved."""

    dead_letter_sink_uri: str = ""
    dead_letter_sink_ca_certs: str = Field(default="", alias="deadLetterSinkCACerts")
    dead_letter_sink_audience: str = ""
