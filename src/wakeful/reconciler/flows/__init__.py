"""Sequences and Parallels: built out of channels and Subscriptions, and nothing else."""

from __future__ import annotations

from wakeful.apis.flows import FLOW_CONDITIONS, Parallel, Sequence
from wakeful.apis.messaging import Subscription
from wakeful.controller import Controller, Manager
from wakeful.reconciler.flows.parallel.reconciler import ParallelReconciler
from wakeful.reconciler.flows.parts import FlowParts
from wakeful.reconciler.flows.sequence.reconciler import SequenceReconciler
from wakeful.reconciler.messaging import ChannelObjects


def add_flows_controllers(manager: Manager, channels: ChannelObjects) -> None:
    """Have ``manager`` run them; their parts are watched through their owner references."""
    parts, subscriptions = FlowParts(manager, channels), manager.informer(Subscription)
    sequences = Controller(
        "sequences.flows",
        manager.client,
        manager.informer(Sequence),
        SequenceReconciler(parts),
        conditions=FLOW_CONDITIONS,
        recorder=manager.recorder,
    )
    parallels = Controller(
        "parallels.flows",
        manager.client,
        manager.informer(Parallel),
        ParallelReconciler(parts),
        conditions=FLOW_CONDITIONS,
        recorder=manager.recorder,
    )
    for controller in (sequences, parallels):
        controller.watch_owned(subscriptions)
        channels.watch_owned_by(controller)
        manager.add(controller)


__all__ = ["add_flows_controllers"]
