"""Defaults and faults of SinkBindings, in upstream's words."""

from __future__ import annotations

import re

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    missing_one_of,
    multiple_one_of,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features, set_destination_defaults, validate_source
from wakeful.apis.sources.sinkbinding_types import SinkBinding, SubjectReference

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IDENTIFIER_MESSAGE = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"  # noqa: E501 - upstream's words


def set_sinkbinding_defaults(
    new: SinkBinding, old: Object | None, context: AdmissionContext
) -> None:
    """Everything is in the binding's own namespace."""
    subject = new.spec.subject
    subject.namespace = subject.namespace or new.metadata.namespace
    set_destination_defaults(new.spec.sink, new.metadata.namespace)


def validate_sinkbinding(
    new: SinkBinding, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    errors = validate_source(new.spec, load_features(context.config))
    subject = new.spec.subject
    errors += under("subject", validate_subject(subject))
    if subject.namespace and subject.namespace != new.metadata.namespace:
        errors.append(invalid_value(subject.namespace, "subject.namespace"))
    return under("spec", errors)


def validate_subject(subject: SubjectReference) -> FieldErrors:
    """Every fault of a subject."""
    errors: FieldErrors = []
    if not subject.api_version:
        errors.append(missing_field("apiVersion"))
    elif subject.api_version.count("/") > 1:
        errors.append(invalid_value(subject.api_version, "apiVersion"))
    if not subject.kind:
        errors.append(missing_field("kind"))
    elif not _IDENTIFIER.fullmatch(subject.kind):
        errors.append(invalid_value(_IDENTIFIER_MESSAGE, "kind"))
    if not subject.namespace:
        errors.append(missing_field("namespace"))
    elif faults := dns_label_faults(subject.namespace):
        errors.append(invalid_value(", ".join(faults), "namespace"))
    return errors + _validate_choice(subject)


def _validate_choice(subject: SubjectReference) -> FieldErrors:
    if subject.selector is not None and subject.name:
        return [multiple_one_of("selector", "name")]
    if subject.selector is not None:
        try:
            subject.selector.to_selector()
        except BadRequestError as err:
            return [invalid_value(err.message, "selector")]
        return []
    if not subject.name:
        return [missing_one_of("selector", "name")]
    faults = dns_label_faults(subject.name)
    return [invalid_value(", ".join(faults), "name")] if faults else []
