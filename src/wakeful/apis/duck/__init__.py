"""Shapes that many kinds share: what can be addressed, what refers to what, how events travel.

Not kinds of their own. Rules for these shapes (validation, defaults, reading the forms of 2019) are
here too, so that every kind that has the shape has the same rules.
"""

from wakeful.apis.duck.addressable_types import (
    Addressable,
    AddressStatus,
    Destination,
    KReference,
)
from wakeful.apis.duck.delivery_types import DeliverySpec, DeliveryStatus
from wakeful.apis.duck.delivery_validation import validate_delivery
from wakeful.apis.duck.destination_conversion import LegacyShapeError, unflatten
from wakeful.apis.duck.destination_defaults import set_delivery_defaults, set_destination_defaults
from wakeful.apis.duck.destination_validation import validate_destination, validate_reference
from wakeful.apis.duck.features import EventingFeatures, load_features
from wakeful.apis.duck.source_types import (
    SINK_PROVIDED,
    AuthStatus,
    CloudEventAttributes,
    CloudEventOverrides,
    SourceSpec,
    SourceStatus,
)
from wakeful.apis.duck.source_validation import validate_overrides, validate_source
from wakeful.apis.duck.subscribable_types import (
    AppliedPolicy,
    ChannelableSpec,
    ChannelableStatus,
    PoliciesStatus,
    SubscribableSpec,
    SubscriberSpec,
    SubscriberStatus,
)

__all__ = [
    "SINK_PROVIDED",
    "AddressStatus",
    "Addressable",
    "AppliedPolicy",
    "AuthStatus",
    "ChannelableSpec",
    "ChannelableStatus",
    "CloudEventAttributes",
    "CloudEventOverrides",
    "DeliverySpec",
    "DeliveryStatus",
    "Destination",
    "EventingFeatures",
    "KReference",
    "LegacyShapeError",
    "PoliciesStatus",
    "SourceSpec",
    "SourceStatus",
    "SubscribableSpec",
    "SubscriberSpec",
    "SubscriberStatus",
    "load_features",
    "set_delivery_defaults",
    "set_destination_defaults",
    "unflatten",
    "validate_delivery",
    "validate_destination",
    "validate_overrides",
    "validate_reference",
    "validate_source",
]
