"""How the kinds of ``eventing.knative.dev`` are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import ADDRESS, AGE, READINESS, Column, Resource, ServedVersion
from wakeful.apis.eventing import register
from wakeful.apis.eventing.broker_conversion import broker_from_hub, broker_to_hub
from wakeful.apis.eventing.broker_defaults import set_broker_defaults
from wakeful.apis.eventing.broker_types import Broker
from wakeful.apis.eventing.broker_validation import validate_broker
from wakeful.apis.eventing.eventpolicy_rules import validate_eventpolicy
from wakeful.apis.eventing.eventpolicy_types import EventPolicy
from wakeful.apis.eventing.eventtransform_rules import (
    set_eventtransform_defaults,
    validate_eventtransform,
)
from wakeful.apis.eventing.eventtransform_types import EventTransform
from wakeful.apis.eventing.eventtype_conversion import (
    eventtype_from_hub,
    eventtype_to_hub,
    legacy_eventtype_from_hub,
    legacy_eventtype_to_hub,
)
from wakeful.apis.eventing.eventtype_rules import set_eventtype_defaults, validate_eventtype
from wakeful.apis.eventing.eventtype_types import EventType
from wakeful.apis.eventing.trigger_conversion import trigger_from_hub, trigger_to_hub
from wakeful.apis.eventing.trigger_defaults import set_trigger_defaults
from wakeful.apis.eventing.trigger_types import Trigger
from wakeful.apis.eventing.trigger_validation import validate_trigger

CATEGORIES = ("all", "knative", "eventing")
ADDRESSABLE_LABEL = {"duck.knative.dev/addressable": "true"}
_V1BETA1_EVENTTYPE = (
    "eventing.knative.dev/v1beta1 EventType is deprecated; use eventing.knative.dev/v1beta2"
    " EventType or newer"
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        Broker,
        plural="brokers",
        singular="broker",
        categories=CATEGORIES,
        has_status=True,
        columns=(
            ADDRESS,
            AGE,
            *READINESS,
            Column(
                "Class",
                ".metadata.annotations['eventing\\.knative\\.dev/broker\\.class']",
                wide=True,
            ),
        ),
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha1", to_hub=broker_to_hub, from_hub=broker_from_hub),
        ),
        set_defaults=set_broker_defaults,
        validate=validate_broker,
        webhook=register.WEBHOOK,
        labels=ADDRESSABLE_LABEL,
    ),
    Resource(
        Trigger,
        plural="triggers",
        singular="trigger",
        categories=CATEGORIES,
        has_status=True,
        columns=(
            Column("Broker", ".spec.broker"),
            Column("Subscriber_URI", ".status.subscriberUri"),
            AGE,
            *READINESS,
        ),
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha1", to_hub=trigger_to_hub, from_hub=trigger_from_hub),
        ),
        set_defaults=set_trigger_defaults,
        validate=validate_trigger,
        webhook=register.WEBHOOK,
    ),
    Resource(
        EventType,
        plural="eventtypes",
        singular="eventtype",
        categories=CATEGORIES,
        has_status=True,
        columns=(
            Column("Type", ".spec.attributes[?(@.name=='type')].value"),
            Column("Source", ".spec.attributes[?(@.name=='source')].value"),
            Column("Schema", ".spec.attributes[?(@.name=='schemadata')].value"),
            Column("Reference Name", ".spec.reference.name"),
            Column("Reference Kind", ".spec.reference.kind"),
            Column("Description", ".spec.description"),
            *READINESS,
        ),
        served_versions=(
            ServedVersion("v1beta2", to_hub=eventtype_to_hub, from_hub=eventtype_from_hub),
            ServedVersion(
                "v1beta1",
                to_hub=eventtype_to_hub,
                from_hub=eventtype_from_hub,
                deprecation=_V1BETA1_EVENTTYPE,
            ),
            ServedVersion(
                "v1alpha1", to_hub=legacy_eventtype_to_hub, from_hub=legacy_eventtype_from_hub
            ),
        ),
        set_defaults=set_eventtype_defaults,
        validate=validate_eventtype,
        webhook=register.WEBHOOK,
    ),
    Resource(
        EventTransform,
        plural="eventtransforms",
        singular="eventtransform",
        categories=CATEGORIES,
        has_status=True,
        columns=(ADDRESS, Column("Sink", ".status.sinkUri"), *READINESS),
        set_defaults=set_eventtransform_defaults,
        validate=validate_eventtransform,
        webhook=register.WEBHOOK,
        labels=ADDRESSABLE_LABEL,
    ),
    Resource(
        EventPolicy,
        plural="eventpolicies",
        singular="eventpolicy",
        categories=CATEGORIES,
        has_status=True,
        columns=READINESS,
        validate=validate_eventpolicy,
        webhook=register.WEBHOOK,
    ),
)
