"""Refusing settings of Eventing that make no sense."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apis.duck.features import (
    AUTHENTICATION_OIDC,
    CONFIG_FEATURES,
    SYSTEM_NAMESPACE,
    TRANSPORT_ENCRYPTION,
    parse_features,
)
from wakeful.apis.eventing.config import (
    CONFIG_BROKER_CHANNEL,
    CONFIG_BROKER_DEFAULTS,
    parse_broker_defaults,
    validate_channel_template_map,
)
from wakeful.apis.eventing.nats_config import CONFIG_NATS, parse_nats_config
from wakeful.apis.messaging.config import CONFIG_CHANNEL_DEFAULTS, parse_channel_defaults
from wakeful.reconciler.config_admission import Parser, config_map_hook
from wakeful.reconciler.eventing.injection.selection import CONFIG_SUGAR, parse_sugar

_OFF = ("Disabled", "")
_UNSUPPORTED = {
    TRANSPORT_ENCRYPTION: "events are not encrypted on their way yet",
    AUTHENTICATION_OIDC: "senders are not asked who they are yet",
}
"""Flags that must not look as if they protected anything."""


def check_features(data: Mapping[str, str]) -> None:
    """Read ``config-features``, and refuse flags nobody would heed.

    Raises:
        ValueError: A value makes no sense, or switches on what does not exist.
    """
    features = parse_features(data)
    for flag, why in _UNSUPPORTED.items():
        if features.value(flag) not in _OFF:
            raise ValueError(f"{flag}: {features.value(flag)!r} is not supported: {why}")


VALIDATORS: Mapping[str, Parser] = {
    CONFIG_FEATURES: check_features,
    CONFIG_BROKER_DEFAULTS: parse_broker_defaults,
    CONFIG_BROKER_CHANNEL: validate_channel_template_map,
    CONFIG_CHANNEL_DEFAULTS: parse_channel_defaults,
    CONFIG_SUGAR: parse_sugar,
    CONFIG_NATS: parse_nats_config,
}


admit_eventing_config_maps = config_map_hook(
    "config.webhook.eventing.knative.dev", SYSTEM_NAMESPACE, VALIDATORS
)
"""An admission hook for Eventing's config maps."""
