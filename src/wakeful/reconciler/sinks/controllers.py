"""Wires the controllers of EventTransforms and JobSinks."""

from __future__ import annotations

from wakeful.apis.eventing import EVENTTRANSFORM_CONDITIONS, EventTransform
from wakeful.apis.serving import Service
from wakeful.apis.sinks import JOBSINK_CONDITIONS, JobSink
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.sinks.eventtransform.reconciler import EventTransformReconciler
from wakeful.reconciler.sinks.jobsink.reconciler import JobSinkReconciler


def add_sink_controllers(manager: Manager) -> None:
    """Have ``manager`` run both controllers."""
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
