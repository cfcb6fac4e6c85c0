"""Refusing config maps of Eventing that make no sense, before anybody has to live with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apis.core import ConfigMap
from wakeful.apis.duck.features import CONFIG_FEATURES, SYSTEM_NAMESPACE, parse_features
from wakeful.apis.eventing.config import (
    CONFIG_BROKER_CHANNEL,
    CONFIG_BROKER_DEFAULTS,
    parse_broker_defaults,
    validate_channel_template_map,
)
from wakeful.apis.messaging.config import CONFIG_CHANNEL_DEFAULTS, parse_channel_defaults
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.reconciler.eventing.injection.selection import CONFIG_SUGAR, parse_sugar

WEBHOOK = "config.webhook.eventing.knative.dev"
"""Denials are worded as this webhook's."""

VALIDATORS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    CONFIG_FEATURES: parse_features,
    CONFIG_BROKER_DEFAULTS: parse_broker_defaults,
    CONFIG_BROKER_CHANNEL: validate_channel_template_map,
    CONFIG_CHANNEL_DEFAULTS: parse_channel_defaults,
    CONFIG_SUGAR: parse_sugar,
}


def admit_eventing_config_maps(request: AdmissionRequest) -> None:
    """An admission hook for Eventing's config maps.

    Raises:
        BadRequestError: A value cannot be used.
    """
    config = request.obj
    if not isinstance(config, ConfigMap) or request.namespace != SYSTEM_NAMESPACE:
        return
    parse = VALIDATORS.get(request.name)
    if parse is None:
        return
    try:
        parse(config.data)
    except ValueError as err:
        raise BadRequestError(
            f'admission webhook "{WEBHOOK}" denied the request: validation failed: {err}'
        ) from err
