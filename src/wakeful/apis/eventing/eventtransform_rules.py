"""Defaults and faults of EventTransforms, in upstream's words.

Unlike upstream, which has no parser at hand, we refuse expressions that cannot be read.
"""

from __future__ import annotations

import sys

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features, set_destination_defaults, validate_destination
from wakeful.apis.duck.features import EventingFeatures
from wakeful.apis.eventing.eventtransform_types import (
    EventTransform,
    EventTransformSpec,
    JsonataSpec,
    TransformReply,
)

LONGEST_EXPRESSION_BYTES = 100_000
"""Expressions are handed over in the environment, whose variables are limited."""

_CA_CERTS = (
    "CACerts for the sink is not supported for JSONata transformations, to propagate CA trust"
    " bundles use labeled ConfigMaps: https://knative.dev/docs/eventing/features/"
    "transport-encryption/#configure-additional-ca-trust-bundles"
)
_IMMUTABLE = (
    "Transformations types are immutable, jsonata transformation cannot be changed to a different"
    " transformation type. Suggestion: create a new transformation, migrate services to the new"
    " one, and delete this transformation."
)


def set_eventtransform_defaults(
    new: EventTransform, old: Object | None, context: AdmissionContext
) -> None:
    """The sink's namespace is our own."""
    set_destination_defaults(new.spec.sink, new.metadata.namespace)


def validate_eventtransform(
    new: EventTransform, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; the kind of transformation cannot be changed."""
    if context.subresource == "status":
        return []
    errors = _validate_spec(new.spec, load_features(context.config))
    if isinstance(old, EventTransform) and (old.spec.jsonata is None) != (new.spec.jsonata is None):
        errors.append(FieldError(_IMMUTABLE, ("jsonata",)))
    return under("spec", errors)


def _validate_spec(spec: EventTransformSpec, features: EventingFeatures) -> FieldErrors:
    errors: FieldErrors = []
    if spec.jsonata is None:
        errors.append(missing_one_of("jsonata"))
    errors += under("jsonata", _validate_jsonata(spec.jsonata))
    if spec.sink is not None:
        faults = validate_destination(spec.sink, features)
        if spec.sink.ca_certs:
            faults.append(FieldError(_CA_CERTS, ("CACerts",)))
        errors += under("sink", faults)
    if spec.reply is not None:
        errors += under("reply", _validate_reply(spec.reply, has_sink=spec.sink is not None))
    return errors


def _validate_reply(reply: TransformReply, *, has_sink: bool) -> FieldErrors:
    if not has_sink:
        return [FieldError("reply is set without spec.sink")]
    if reply.jsonata is not None and reply.discard:
        return [multiple_one_of("jsonata", "discard")]
    return under("jsonata", _validate_jsonata(reply.jsonata))


def _validate_jsonata(jsonata: JsonataSpec | None) -> FieldErrors:
    if jsonata is None:
        return []
    if len(jsonata.expression.encode()) > LONGEST_EXPRESSION_BYTES:
        details = f"an expression has at most {LONGEST_EXPRESSION_BYTES} bytes"
        return [invalid_value("...", "expression", details)]
    fault = _read(jsonata.expression)
    return [invalid_value(jsonata.expression, "expression", fault)] if fault else []


def _read(expression: str) -> str:
    """What is wrong with an expression; empty if it can be read."""
    # Here, because few platforms have a transformation and loading the language takes a while.
    limit = sys.getrecursionlimit()
    from jsonata import JException, Jsonata

    # The library raises the limit for everybody, and with it how deep any junk may be nested.
    sys.setrecursionlimit(limit)
    try:
        Jsonata(expression)
    except JException as error:
        return str(error) or "the expression cannot be read"
    except (RecursionError, ValueError, TypeError, IndexError, AttributeError) as error:
        return f"the expression cannot be read: {error}"
    return ""
