"""What defaulting and validation of every Serving kind share: settings, who asks, differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wakeful.apimachinery.fields import FieldError, to_text
from wakeful.apimachinery.meta import APIModel, Object
from wakeful.apimachinery.scheme import AdmissionContext, ConfigLookup, no_config
from wakeful.apis.autoscaling import CONFIG_NAME as CONFIG_AUTOSCALER
from wakeful.apis.autoscaling import AutoscalerConfig, config_or_default
from wakeful.apis.serving import register
from wakeful.apis.serving.config import (
    CONFIG_DEFAULTS,
    CONFIG_FEATURES,
    DefaultsConfig,
    FeaturesConfig,
    parse_defaults,
    parse_features,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AdmissionConfig:
    """The settings admission looks at."""

    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    autoscaler: AutoscalerConfig = field(default_factory=AutoscalerConfig)


def load_config(lookup: ConfigLookup) -> AdmissionConfig:
    """Read the maps; one that makes no sense (it should not have been admitted) counts as empty."""
    if lookup is no_config:
        return _BUILT_IN
    return AdmissionConfig(
        _parse(lookup(CONFIG_DEFAULTS), parse_defaults),
        _parse(lookup(CONFIG_FEATURES), parse_features),
        config_or_default(lookup(CONFIG_AUTOSCALER)),
    )


_BUILT_IN = AdmissionConfig()


def _parse(data: Mapping[str, str], parse: Callable[[Mapping[str, str]], T]) -> T:
    try:
        return parse(data)
    except ValueError:
        return parse({})


def set_user_info(
    obj: Object, spec: APIModel, old_spec: APIModel | None, context: AdmissionContext
) -> None:
    """Note who created the object, and who changed its spec last."""
    if not context.username:
        return
    annotations = obj.metadata.annotations
    if context.operation == "UPDATE":
        if spec != old_spec:
            annotations[register.LAST_MODIFIER] = context.username
    else:
        annotations[register.CREATOR] = context.username
        annotations[register.LAST_MODIFIER] = context.username


def warn(context: AdmissionContext, warnings: Iterable[FieldError]) -> None:
    """Send ``warnings`` along with the answer."""
    if text := to_text(warnings):
        context.warnings.extend(text.split("\n"))
