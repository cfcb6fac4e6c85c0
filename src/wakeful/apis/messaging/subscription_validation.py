"""What is wrong with a Subscription."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldError, FieldErrors, disallowed_fields, under
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import (
    Destination,
    EventingFeatures,
    KReference,
    load_features,
    validate_delivery,
    validate_destination,
    validate_reference,
)
from wakeful.apis.duck.features import CROSS_NAMESPACE_EVENT_LINKS
from wakeful.apis.messaging.channel_validation import immutable
from wakeful.apis.messaging.subscription_types import Subscription, SubscriptionSpec

_SAME_NAMESPACE = (
    "only name, apiVersion and kind are supported fields when feature.CrossNamespaceEventLinks is"
    " disabled"
)


def validate_subscription(
    subscription: Subscription, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    features = load_features(context.config)
    errors = under("spec", _validate_spec(subscription.spec, features))
    if isinstance(old, Subscription):
        before, after = ({"channel": s.spec.channel.to_wire()} for s in (old, subscription))
        errors += immutable(before, after, "spec")
    return errors


def _validate_spec(spec: SubscriptionSpec, features: EventingFeatures) -> FieldErrors:
    if spec.channel == KReference():
        return [_missing("channel", "the Subscription must reference a channel")]
    errors = under("channel", _validate_channel(spec.channel, features))
    if spec.subscriber is None or spec.subscriber == Destination():
        errors.append(_missing("subscriber", "the Subscription must reference a subscriber"))
    else:
        errors += under("subscriber", validate_destination(spec.subscriber, features))
    if spec.reply is not None and spec.reply != Destination():
        errors += under("reply", validate_destination(spec.reply, features))
    return errors + under("delivery", validate_delivery(spec.delivery, features))


def _validate_channel(channel: KReference, features: EventingFeatures) -> FieldErrors:
    errors = validate_reference(channel, features)
    if channel.namespace and not features.is_enabled(CROSS_NAMESPACE_EVENT_LINKS):
        fault = disallowed_fields("namespace")
        errors.append(FieldError(fault.message, fault.paths, _SAME_NAMESPACE, fault.type))
    return errors


def _missing(path: str, details: str) -> FieldError:
    return FieldError("missing field(s)", (path,), details)
