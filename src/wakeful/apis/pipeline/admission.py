"""What defaulting and validation of every kind share: settings, gates, names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import orjson

from wakeful.apimachinery.fields import FieldError, FieldErrors
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext, no_config
from wakeful.apis.pipeline.config import DefaultsConfig, FeatureFlags, parse_defaults, parse_flags
from wakeful.apis.pipeline.register import CONFIG_DEFAULTS, FEATURE_FLAGS, SYSTEM_NAMESPACE

T = TypeVar("T")
ALPHA, BETA = "alpha", "beta"


@dataclass(frozen=True, slots=True)
class Settings:
    """The config maps admission looks at."""

    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
    flags: FeatureFlags = field(default_factory=FeatureFlags)

    def gate(self, feature: str, wanted: str, *paths: str) -> FieldErrors:
        """A fault unless fields of that stability are enabled."""
        current = self.flags.api_fields
        if current == ALPHA or (wanted == BETA and current == BETA):
            return []
        needed = f'"{ALPHA}"' if wanted == ALPHA else f'"{ALPHA}" or "{BETA}"'
        message = f'{feature} requires "enable-api-fields" feature gate to be {needed}'
        return [FieldError(f'{message} but it is "{current}"', paths)]


_BUILT_IN = Settings()


def load_settings(context: AdmissionContext) -> Settings:
    """Read the maps; one that makes no sense counts as empty."""
    if context.config is no_config:
        return _BUILT_IN
    return Settings(
        _parse(context.config(CONFIG_DEFAULTS, SYSTEM_NAMESPACE), parse_defaults),
        _parse(context.config(FEATURE_FLAGS, SYSTEM_NAMESPACE), parse_flags),
    )


def _parse(data: Mapping[str, str], parse: Callable[[Mapping[str, str]], T]) -> T:
    try:
        return parse(data)
    except ValueError:
        return parse({})


def quote(text: str) -> str:
    """Text as Go's ``%q`` prints it."""
    return orjson.dumps(text).decode()


def validate_metadata(obj: Object) -> FieldErrors:
    """Names that will do for labels and for what is made from them."""
    name = obj.metadata.name
    if dns_subdomain_faults(name):
        return [
            FieldError(
                f"invalid resource name {quote(name)}: must be a valid DNS label",
                ("metadata.name",),
            )
        ]
    if len(name) > 63:
        return [
            FieldError(
                "Invalid resource name: length must be no more than 63 characters",
                ("metadata.name",),
            )
        ]
    return []
