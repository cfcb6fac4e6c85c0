"""What is wrong with a Trigger."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    missing_field,
    multiple_one_of,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import (
    EventingFeatures,
    load_features,
    validate_delivery,
    validate_destination,
)
from wakeful.apis.duck.features import CROSS_NAMESPACE_EVENT_LINKS
from wakeful.apis.eventing import register
from wakeful.apis.eventing.filter_validation import validate_attribute_names, validate_filters
from wakeful.apis.eventing.trigger_types import Trigger, TriggerSpec
from wakeful.apis.messaging.channel_validation import immutable

_SAME_NAMESPACE = (
    "only name, apiVersion and kind are supported fields when feature.CrossNamespaceEventLinks is"
    " disabled"
)


def validate_trigger(
    trigger: Trigger, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; the Broker cannot be changed."""
    if context.subresource == "status":
        return []
    errors = under("spec", _validate_spec(trigger.spec, load_features(context.config)))
    errors += _validate_annotations(trigger)
    if isinstance(old, Trigger):
        before, after = (
            {
                "broker": t.spec.broker,
                "brokerRef": t.spec.broker_ref and t.spec.broker_ref.to_wire(),
            }
            for t in (old, trigger)
        )
        errors += immutable(before, after, "spec", "broker")
    return errors


def _validate_spec(spec: TriggerSpec, features: EventingFeatures) -> FieldErrors:
    errors = _validate_broker(spec, features)
    if spec.filter is not None:
        errors += under("filter.attributes", validate_attribute_names(spec.filter.attributes))
    errors += under("filters", validate_filters([f.to_wire() for f in spec.filters]))
    errors += under("subscriber", validate_destination(spec.subscriber, features))
    return errors + under("delivery", validate_delivery(spec.delivery, features))


def _validate_broker(spec: TriggerSpec, features: EventingFeatures) -> FieldErrors:
    ref = spec.broker_ref
    if ref is None:
        return [] if spec.broker else [missing_field("broker")]
    if spec.broker:
        return [multiple_one_of("broker", "brokerRef")]
    errors: FieldErrors = []
    if not ref.name:
        errors.append(missing_field("brokerRef.name"))
    if ref.namespace and not features.is_enabled(CROSS_NAMESPACE_EVENT_LINKS):
        fault = disallowed_fields("brokerRef.namespace")
        errors.append(FieldError(fault.message, fault.paths, _SAME_NAMESPACE, fault.type))
    return errors


def _validate_annotations(trigger: Trigger) -> FieldErrors:
    errors: FieldErrors = []
    annotations = trigger.metadata.annotations
    if register.DEPENDENCY in annotations:
        faults = _validate_dependency(annotations[register.DEPENDENCY], trigger.metadata.namespace)
        errors += under(f"metadata.annotations[{register.DEPENDENCY}]", faults)
    for key, words in (
        (register.INJECTION, (register.ENABLED, register.DISABLED)),
        (register.LEGACY_INJECTION, (register.ENABLED,)),
    ):
        if key in annotations:
            faults = _validate_injection(annotations[key], words, trigger.spec.broker)
            errors += under(f"metadata.annotations[{key}]", faults)
    return errors


def _validate_injection(value: str, words: tuple[str, ...], broker: str) -> FieldErrors:
    if value not in words:
        choices = " or ".join(f'"{word}"' for word in words)
        message = f'The provided injection annotation value can only be {choices}, not "{value}"'
        return [FieldError(message)]
    if broker != register.DEFAULT_BROKER:
        message = (
            "The provided injection annotation is only used for default broker, but non-default"
            f' broker specified here: "{broker}"'
        )
        return [FieldError(message)]
    return []


_MEMBERS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def parse_dependency(text: str) -> Mapping[str, str]:
    """The reference in the annotation; members that nobody knows are left out.

    Raises:
        ValueError: It is none.
    """
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - it is the text that is wrong
    known = {name: found[name] for name in _MEMBERS if found.get(name) is not None}
    if not all(isinstance(value, str) for value in known.values()):
        raise ValueError("every member must be a string")
    return known


def _validate_dependency(text: str, namespace: str) -> FieldErrors:
    try:
        ref = parse_dependency(text)
    except ValueError as err:
        shown = re.sub(r'(["\\])', r"\\\1", text)
        message = f'The provided annotation was not a corev1.ObjectReference: "{shown}"'
        return [FieldError(message, (), str(err))]
    errors: FieldErrors = []
    if ref.get("namespace", namespace) != namespace:
        message = f'Namespace must be empty or equal to the trigger namespace "{namespace}"'
        errors.append(FieldError(message, ("namespace",)))
    errors += [missing_field(name) for name in ("kind", "name", "apiVersion") if not ref.get(name)]
    return errors
