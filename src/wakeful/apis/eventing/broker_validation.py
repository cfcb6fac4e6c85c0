"""What is wrong with a Broker."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    missing_field,
    multiple_one_of,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apimachinery.shortdiff import short_diff
from wakeful.apis.duck import load_features, validate_delivery, validate_reference
from wakeful.apis.eventing import register
from wakeful.apis.eventing.broker_types import Broker, BrokerSpec
from wakeful.apis.eventing.config import load_broker_defaults
from wakeful.apis.messaging.channel_validation import immutable


def validate_broker(broker: Broker, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Every fault; only the delivery may change."""
    if context.subresource == "status":
        return []
    errors: FieldErrors = []
    if not broker.broker_class:
        errors.append(missing_field(register.BROKER_CLASS))
    errors += under("spec", _validate_spec(broker, context))
    if isinstance(old, Broker):
        errors += immutable(_fixed(old.spec), _fixed(broker.spec), "spec")
        if diff := short_diff(old.broker_class, broker.broker_class):
            message = "Immutable annotations changed (-old +new)"
            errors.append(FieldError(message, ("annotations",), diff))
    return errors


def _fixed(spec: BrokerSpec) -> dict[str, object]:
    return spec.model_copy(update={"delivery": None}).to_wire()


def _validate_spec(broker: Broker, context: AdmissionContext) -> FieldErrors:
    spec, features = broker.spec, load_features(context.config)
    errors: FieldErrors = []
    if spec.config is not None:
        defaults = load_broker_defaults(context.config)
        namespace = broker.metadata.namespace
        only = "" if defaults.allows_other_namespaces(namespace) else namespace
        errors += under("config", validate_reference(spec.config, features, namespace=only))
    template = spec.channel_template_spec
    if template is not None:
        if spec.config is not None:
            errors.append(multiple_one_of("channelTemplateSpec", "config"))
        wanted = (("apiVersion", template.api_version), ("kind", template.kind))
        errors += [
            missing_field(f"channelTemplateSpec.{name}") for name, value in wanted if not value
        ]
    return errors + under("delivery", validate_delivery(spec.delivery, features))
