"""Wires the controllers of EventTransforms, JobSinks and KafkaSinks."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.eventing import EVENTTRANSFORM_CONDITIONS, EventTransform
from wakeful.apis.serving import Service
from wakeful.apis.sinks import JOBSINK_CONDITIONS, KAFKASINK_CONDITIONS, JobSink, KafkaSink
from wakeful.controller import Controller, Manager
from wakeful.eventbus.kafka import AioKafkaAdmin, KafkaAdmin
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.sinks.eventtransform.reconciler import EventTransformReconciler
from wakeful.reconciler.sinks.jobsink.reconciler import JobSinkReconciler
from wakeful.reconciler.sinks.kafkasink.reconciler import KafkaSinkReconciler


def add_sink_controllers(manager: Manager, kafka: KafkaAdmin | None = None) -> None:
    """Have ``manager`` run the controllers."""
    services, resolver = manager.informer(Service), DestinationResolver(manager)
    transforms = Controller(
        "eventtransforms.eventing.knative.dev",
        manager.client,
        manager.informer(EventTransform),
        EventTransformReconciler(manager.client, services, resolver, manager.recorder),
        conditions=EVENTTRANSFORM_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(transforms)
    transforms.watch_owned(services)
    manager.add(transforms)
    manager.add(
        Controller(
            "jobsinks.sinks.knative.dev",
            manager.client,
            manager.informer(JobSink),
            JobSinkReconciler(),
            conditions=JOBSINK_CONDITIONS,
            recorder=manager.recorder,
        )
    )
    manager.add(_kafkasinks(manager, kafka or AioKafkaAdmin()))


def _kafkasinks(manager: Manager, admin: KafkaAdmin) -> Controller[KafkaSink]:
    secrets, sinks = manager.informer(Secret), manager.informer(KafkaSink)
    controller = Controller(
        "kafkasinks.eventing.knative.dev",
        manager.client,
        sinks,
        KafkaSinkReconciler(admin, secrets),
        conditions=KAFKASINK_CONDITIONS,
        recorder=manager.recorder,
    )

    def using(secret: Secret) -> list[NamespacedName]:
        found = sinks.list(secret.metadata.namespace)
        return [sink.key for sink in found if sink.spec.secret_name == secret.metadata.name]

    controller.watch(secrets, using)
    return controller
