"""What reconcilers may ask of a gateway, whichever it is; ``cmd`` connects the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.networking.ingress_types import Ingress


class ServingPhase(StrEnum):
    """How far the gateway is with one generation of an Ingress."""

    PENDING = "Pending"
    SERVED = "Served"
    """Every listener answered a probe of it with the hash of exactly this generation."""
    REFUSED = "Refused"
    """It will not be served until it changes."""


@dataclass(frozen=True, slots=True)
class ServingState:
    """The phase, and why when it is ``REFUSED``."""

    phase: ServingPhase
    reason: str = ""
    message: str = ""


class IngressServing(Protocol):
    """A gateway, as seen from the Ingress reconciler."""

    def ingress_state(self, ingress: Ingress) -> ServingState:
        """How far this very generation is."""
        ...

    def on_ingress_change(self, listener: Callable[[NamespacedName], None]) -> None:
        """Call ``listener`` with the key of an Ingress whose state changed."""
        ...
