"""What makes a Channel worth looking at again: itself, and the channel behind it."""

from __future__ import annotations

from wakeful.apis.messaging import CHANNEL_CONDITIONS, Channel
from wakeful.controller import Controller, Manager
from wakeful.reconciler.messaging.channel.reconciler import ChannelReconciler
from wakeful.reconciler.messaging.channelobjects import ChannelObjects


def make_controller(manager: Manager, channels: ChannelObjects) -> Controller[Channel]:
    """Wire the controller to its informers."""
    controller = Controller(
        "channels.messaging",
        manager.client,
        manager.informer(Channel),
        ChannelReconciler(channels),
        conditions=CHANNEL_CONDITIONS,
        recorder=manager.recorder,
    )
    channels.watch_owned_by(controller)
    return controller
