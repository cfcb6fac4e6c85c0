"""EventTransforms, JobSinks and KafkaSinks: controllers, and who takes events for the sinks."""

from __future__ import annotations

from wakeful.apis.core import Secret
from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.apis.sinks import JobSink, KafkaSink
from wakeful.apis.sinks.kafkasink_types import KAFKASINK_SERVICE
from wakeful.controller import Manager
from wakeful.eventing.sinks import JobSinkDoor, JobSinkReceiver, KafkaSinkReceiver
from wakeful.reconciler.networking import GatewayDomains
from wakeful.reconciler.sinks import add_sink_controllers


def add_sinks(manager: Manager) -> None:
    """Have ``manager`` run everything that they need."""
    add_sink_controllers(manager)
    receiver = JobSinkReceiver(manager.client, manager.informer(JobSink))
    manager.add(receiver)
    gateway = GatewayDomains().private
    manager.add(JobSinkDoor(manager.client, receiver, gateway, OUR_INGRESS_CLASS))
    kafka = KafkaSinkReceiver(manager.informer(KafkaSink), manager.informer(Secret))
    manager.add(kafka)
    door = JobSinkDoor(manager.client, kafka, gateway, OUR_INGRESS_CLASS, KAFKASINK_SERVICE)
    manager.add(door)
