"""Defaults and faults of ApiServerSources, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features, validate_source
from wakeful.apis.duck.features import NEW_APISERVERSOURCE_FILTERS, EventingFeatures
from wakeful.apis.eventing.filter_validation import validate_filters
from wakeful.apis.sources.apiserversource_types import (
    ApiServerSource,
    ApiServerSourceSpec,
    APIVersionKind,
    EventMode,
)

_NO_FILTERS = "Filters is not empty but the NewAPIServerFilters feature is disabled."


def set_apiserversource_defaults(
    new: ApiServerSource, old: Object | None, context: AdmissionContext
) -> None:
    """References, as the namespace's default account."""
    new.spec.mode = new.spec.mode or EventMode.REFERENCE
    new.spec.service_account_name = new.spec.service_account_name or "default"


def validate_apiserversource(
    new: ApiServerSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    return under("spec", validate_apiserversource_spec(new.spec, load_features(context.config)))


def validate_apiserversource_spec(
    spec: ApiServerSourceSpec, features: EventingFeatures
) -> FieldErrors:
    """Every fault of a spec."""
    errors: FieldErrors = []
    if spec.mode not in tuple(EventMode):
        errors.append(invalid_value(spec.mode, "mode"))
    if not spec.resources:
        errors.append(missing_field("resources"))
    for index, resource in enumerate(spec.resources):
        errors += under_index("resources", index, _validate_kind(resource))
        if resource.selector is not None:
            try:
                resource.selector.to_selector()
            except BadRequestError as err:
                at = invalid_value(err.message, "selector")
                errors += under_index("resources", index, [at])
    if spec.owner is not None:
        errors += under("owner", _validate_kind(spec.owner))
    if spec.namespace_selector is not None:
        try:
            spec.namespace_selector.to_selector()
        except BadRequestError as err:
            errors.append(invalid_value(err.message, "namespaceSelector"))
    errors += validate_source(spec, features)
    if spec.filters and not features.is_enabled(NEW_APISERVERSOURCE_FILTERS):
        return [*errors, FieldError(_NO_FILTERS, ("filters",))]
    return errors + under("filters", validate_filters(spec.filters))


def _validate_kind(kind: APIVersionKind) -> FieldErrors:
    errors: FieldErrors = []
    if kind.api_version.count("/") > 1:
        errors.append(invalid_value(kind.api_version, "apiVersion"))
    if not kind.kind.strip():
        errors.append(missing_field("kind"))
    return errors
