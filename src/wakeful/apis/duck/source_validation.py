"""What is wrong with the part of a source that all sources have."""

from __future__ import annotations

import re

from wakeful.apimachinery.fields import FieldErrors, invalid_key_name, under
from wakeful.apis.duck.destination_validation import validate_destination
from wakeful.apis.duck.features import EventingFeatures
from wakeful.apis.duck.source_types import CloudEventOverrides, SourceSpec

_EXTENSION = re.compile(r"[A-Za-z0-9]+")


def validate_source(spec: SourceSpec, features: EventingFeatures) -> FieldErrors:
    """Faults of ``sink`` and ``ceOverrides``, with paths below ``spec``."""
    errors = under("sink", validate_destination(spec.sink, features))
    return errors + under("ceOverrides", validate_overrides(spec.ce_overrides))


def validate_overrides(overrides: CloudEventOverrides | None) -> FieldErrors:
    """Faults of the names of extensions."""
    if overrides is None:
        return []
    return [
        invalid_key_name(
            name,
            "extensions",
            "keys are expected to be alphanumeric" if name else "keys MUST NOT be empty",
        )
        for name in overrides.extensions
        if not _EXTENSION.fullmatch(name)
    ]
