"""How the kinds of sinks are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import ADDRESS, AGE, READINESS, Resource
from wakeful.apis.sinks import register
from wakeful.apis.sinks.jobsink_rules import set_jobsink_defaults, validate_jobsink
from wakeful.apis.sinks.jobsink_types import JobSink
from wakeful.apis.sinks.kafkasink_rules import set_kafkasink_defaults, validate_kafkasink
from wakeful.apis.sinks.kafkasink_types import KafkaSink

RESOURCES: tuple[Resource, ...] = (
    Resource(
        JobSink,
        plural="jobsinks",
        singular="jobsink",
        categories=("all", "knative", "eventing", "sink"),
        has_status=True,
        columns=(
            ADDRESS,
            AGE,
            *READINESS,
        ),
        set_defaults=set_jobsink_defaults,
        validate=validate_jobsink,
        webhook=register.WEBHOOK,
        labels={"duck.knative.dev/addressable": "true"},
    ),
    Resource(
        KafkaSink,
        plural="kafkasinks",
        singular="kafkasink",
        categories=("all", "knative", "eventing"),
        has_status=True,
        columns=(
            ADDRESS,
            AGE,
            *READINESS,
        ),
        set_defaults=set_kafkasink_defaults,
        validate=validate_kafkasink,
        webhook=register.WEBHOOK,
        labels={"duck.knative.dev/addressable": "true"},
    ),
)
