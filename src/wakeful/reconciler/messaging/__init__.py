"""Channels and Subscriptions: who gets what was sent to a channel.

One folder for each kind; both kinds of channels that carry events share one. The events themselves
are carried by whoever plays :class:`~wakeful.apis.messaging.dataplane_role.EventDataPlane`.
"""

from __future__ import annotations

from wakeful.apis.messaging.dataplane_role import EventDataPlane
from wakeful.controller import Manager
from wakeful.reconciler.messaging.channel.controller import (
    make_controller as make_channel_controller,
)
from wakeful.reconciler.messaging.channelobjects import ChannelObjects
from wakeful.reconciler.messaging.physicalchannel.controller import make_controllers
from wakeful.reconciler.messaging.subscription.controller import (
    make_controller as make_subscription_controller,
)


def add_messaging_controllers(
    manager: Manager, plane: EventDataPlane, channels: ChannelObjects, *, gateway: str
) -> None:
    """Have ``manager`` run them; ``gateway`` is its name inside the cluster."""
    for controller in (
        make_channel_controller(manager, channels),
        *make_controllers(manager, plane, gateway),
        make_subscription_controller(manager, channels),
    ):
        manager.add(controller)


__all__ = ["ChannelObjects", "add_messaging_controllers"]
