"""Seeing where events went, and sending those again that nobody took.

What ``wakeful events`` and the API group ``events.wakeful.dev`` stand on; reads what the event
process left in :mod:`wakeful.eventing.history`, and delivers the way it does.
"""

from wakeful.eventing.repair.replay import Replayer
from wakeful.eventing.repair.tap import Tap
from wakeful.eventing.repair.wire import (
    GROUP,
    VERSION,
    event_from_wire,
    event_to_wire,
    hop_to_wire,
    letter_to_wire,
    namespace_of,
    with_event,
)

__all__ = [
    "GROUP",
    "VERSION",
    "Replayer",
    "Tap",
    "event_from_wire",
    "event_to_wire",
    "hop_to_wire",
    "letter_to_wire",
    "namespace_of",
    "with_event",
]
