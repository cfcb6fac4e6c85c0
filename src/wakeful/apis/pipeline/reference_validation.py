"""Rules for references to tasks, pipelines and step actions, by name or through a resolver."""

from __future__ import annotations

import re

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    multiple_one_of,
    under,
)
from wakeful.apis.pipeline.admission import BETA, Settings
from wakeful.apis.pipeline.param_types import ResolverRef
from wakeful.apis.pipeline.param_validation import validate_params

_URL = re.compile(r"[\w-]+://*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_CONCISE = (
    "feature flag enable-concise-resolver-syntax should be set to true to use concise resolver"
    " syntax"
)


def validate_ref(name: str, ref: ResolverRef, settings: Settings) -> FieldErrors:
    """Exactly one of a name and a resolver with its parameters."""
    if ref.resolver or ref.params:
        return _resolver_faults(name, ref, settings)
    if not name:
        return [missing_field("name")]
    if _URL.search(name):
        return [FieldError(_CONCISE, ("",)), missing_field("resolver")]
    if "$(" in name:
        return []
    prefix, _, local = name.rpartition("/")
    if len(local) > 63 or not _QUALIFIED.fullmatch(local) or "/" in prefix:
        return [invalid_value(_QUALIFIED_RULE, "name")]
    return []


def _resolver_faults(name: str, ref: ResolverRef, settings: Settings) -> FieldErrors:
    errors: FieldErrors = []
    if ref.params:
        errors += settings.gate("resolver params", BETA, "params")
        if name:
            errors.append(multiple_one_of("name", "params"))
        if not ref.resolver:
            errors.append(missing_field("resolver"))
        errors += under("params", validate_params(ref.params))
    if ref.resolver:
        errors += settings.gate("resolver", BETA, "resolver")
        if name:
            is_url = _URL.search(name) is not None
            errors.append(
                FieldError(_CONCISE, ("",))
                if is_url
                else invalid_value("invalid URI for request", "name")
            )
    return errors
