"""EventTransforms and JobSinks: their controllers, and who takes events for the latter."""

from __future__ import annotations

from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.apis.sinks import JobSink
from wakeful.controller import Manager
from wakeful.eventing.sinks import JobSinkDoor, JobSinkReceiver
from wakeful.reconciler.networking import GatewayDomains
from wakeful.reconciler.sinks import add_sink_controllers


def add_sinks(manager: Manager) -> None:
    """Have ``manager`` run everything that they need."""
    add_sink_controllers(manager)
    receiver = JobSinkReceiver(manager.client, manager.informer(JobSink))
    manager.add(receiver)
    manager.add(JobSinkDoor(manager.client, receiver, GatewayDomains().private, OUR_INGRESS_CLASS))
