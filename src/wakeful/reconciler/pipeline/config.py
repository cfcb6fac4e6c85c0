"""The config maps reconcilers look at; admission reads the same ones."""

from wakeful.apis.pipeline.config import (
    DefaultsConfig,
    FeatureFlags,
    parse_defaults,
    parse_flags,
)

__all__ = ["DefaultsConfig", "FeatureFlags", "parse_defaults", "parse_flags"]
