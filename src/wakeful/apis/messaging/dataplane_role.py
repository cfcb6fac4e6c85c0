"""What reconcilers may ask of whoever carries events; ``cmd`` connects the two.

The data plane watches the same objects as the reconcilers do: channels with their resolved
subscribers, Brokers and Triggers. It brings its streams and consumers in line by itself; this is
how it tells how far it is. Everything here is a look at memory: it must not block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.duck import SubscriberSpec
from wakeful.apis.messaging.inmemorychannel_types import InMemoryChannel
from wakeful.apis.messaging.natsjetstreamchannel_types import NatsJetStreamChannel

PhysicalChannel = InMemoryChannel | NatsJetStreamChannel
"""Channels that the JetStream data plane carries."""


class ServingPhase(StrEnum):
    """How far the data plane is with something."""

    PENDING = "Pending"
    """It will be served; nothing has to change for that."""
    SERVED = "Served"
    REFUSED = "Refused"
    """It is not served, for a reason worth telling; it is tried again when something changes."""


@dataclass(frozen=True, slots=True)
class ServingState:
    """The phase, and why unless it is ``SERVED``: a CamelCase reason, a sentence."""

    phase: ServingPhase
    reason: str = ""
    message: str = ""


SERVED = ServingState(ServingPhase.SERVED)
STARTING = "DispatcherNotReady"
"""Reason of a pending health while nobody has heard of the event process yet.

The process outlives the control plane, so what was said last is still the best that is known.
"""


def is_starting(health: ServingState) -> bool:
    """Whether nobody knows yet; what statuses say from before stands meanwhile."""
    return health.phase is ServingPhase.PENDING and health.reason == STARTING


@dataclass(frozen=True, slots=True)
class ObservedType:
    """A kind of event that came in somewhere."""

    owner: str
    """Whose address it was: ``broker/NAMESPACE/NAME``, ``inmemorychannel/NAMESPACE/NAME``."""
    type: str
    source: str
    schema: str = ""


class EventDataPlane(Protocol):
    """The event process, as seen from the reconcilers."""

    def health(self) -> ServingState:
        """Whether events can be taken in, filtered and dispatched at all.

        ``SERVED`` once the event server answers and the ingress listens; Brokers and channels show
        it as their ingress, filter and dispatcher conditions.
        """
        ...

    def channel_state(self, channel: PhysicalChannel) -> ServingState:
        """Whether the stream of this channel (by uid) is there and its address takes events."""
        ...

    def subscriber_state(
        self, channel: PhysicalChannel, subscriber: SubscriberSpec
    ) -> ServingState:
        """Whether this subscriber, by uid and in this very generation, gets the channel's events.

        ``SERVED`` when its consumer exists, so that an event accepted from now on will reach it.
        """
        ...

    def on_change(self, listener: Callable[[str, NamespacedName], None]) -> None:
        """Call ``listener`` with kind and key of a channel about which there is news."""
        ...

    def observed_types(self) -> frozenset[ObservedType]:
        """Which kinds of events came in since the event process was started."""
        ...

    def on_observed_type(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when another kind of event came in."""
        ...

    def on_health_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when :meth:`health` answers differently than before."""
        ...
