"""``config-features`` of Eventing: what is switched on, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apimachinery.scheme import ConfigLookup

SYSTEM_NAMESPACE = "knative-eventing"
CONFIG_FEATURES = "config-features"

ENABLED, DISABLED, ALLOWED = "Enabled", "Disabled", "Allowed"

KREFERENCE_GROUP = "kreference-group"
KREFERENCE_MAPPING = "kreference-mapping"
DELIVERY_RETRYAFTER = "delivery-retryafter"
DELIVERY_TIMEOUT = "delivery-timeout"
TRANSPORT_ENCRYPTION = "transport-encryption"
EVENTTYPE_AUTO_CREATE = "eventtype-auto-create"
AUTHENTICATION_OIDC = "authentication-oidc"
CROSS_NAMESPACE_EVENT_LINKS = "cross-namespace-event-links"
NEW_APISERVERSOURCE_FILTERS = "new-apiserversource-filters"
DEFAULT_AUTHORIZATION_MODE = "default-authorization-mode"
REQUESTREPLY_DEFAULT_TIMEOUT = "requestreply-default-timeout"

_DEFAULTS: Mapping[str, str] = {
    KREFERENCE_GROUP: DISABLED,
    KREFERENCE_MAPPING: DISABLED,
    DELIVERY_RETRYAFTER: DISABLED,
    DELIVERY_TIMEOUT: ENABLED,
    TRANSPORT_ENCRYPTION: DISABLED,
    EVENTTYPE_AUTO_CREATE: DISABLED,
    AUTHENTICATION_OIDC: DISABLED,
    CROSS_NAMESPACE_EVENT_LINKS: DISABLED,
    NEW_APISERVERSOURCE_FILTERS: DISABLED,
    DEFAULT_AUTHORIZATION_MODE: "Allow-Same-Namespace",
    REQUESTREPLY_DEFAULT_TIMEOUT: "PT30S",
}
_WORDS = {
    word.casefold(): word
    for word in (
        ENABLED,
        DISABLED,
        ALLOWED,
        "Strict",
        "Permissive",
        "Allow-All",
        "Deny-All",
        "Allow-Same-Namespace",
    )
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    TRANSPORT_ENCRYPTION: (DISABLED, "Permissive", "Strict"),
    DEFAULT_AUTHORIZATION_MODE: ("Allow-All", "Deny-All", "Allow-Same-Namespace"),
    REQUESTREPLY_DEFAULT_TIMEOUT: (),
}
"""What a flag may be; empty for anything, flags not named here are switches."""


@dataclass(frozen=True, slots=True)
class EventingFeatures:
    """The flags in force; one that nobody knows is off."""

    flags: Mapping[str, str] = field(default_factory=lambda: dict(_DEFAULTS))

    def is_enabled(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.flags.get(name) == ENABLED

    def value(self, name: str) -> str:
        """What a flag says, in its canonical spelling; empty when it is not known."""
        return self.flags.get(name, "")


def parse_features(data: Mapping[str, str]) -> EventingFeatures:
    """Read the map; words are compared without regard to case.

    Raises:
        ValueError: A flag that is known has a value that is none of its.
    """
    flags = dict(_DEFAULTS)
    for raw_key, raw_value in data.items():
        key, text = raw_key.strip(), raw_value.strip()
        if key.startswith("_"):
            continue
        value = _WORDS.get(text.casefold(), text)
        if key in _DEFAULTS:
            choices = _CHOICES.get(key, (ENABLED, DISABLED, ALLOWED))
            if choices and value not in choices:
                wanted = ", ".join(choices)
                raise ValueError(f"{key}: {raw_value!r} is not one of {wanted}")
        flags[key] = value
    return EventingFeatures(flags)


def load_features(lookup: ConfigLookup) -> EventingFeatures:
    """The flags in force at admission; a map that makes no sense counts as empty."""
    try:
        return parse_features(lookup(CONFIG_FEATURES, SYSTEM_NAMESPACE))
    except ValueError:
        return EventingFeatures()
