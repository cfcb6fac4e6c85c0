"""``config-br-defaults`` and ``config-br-default-channel``: what a Broker is unless it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field, ValidationError

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import ConfigLookup
from wakeful.apis.duck import DeliverySpec, EventingFeatures, KReference, validate_delivery
from wakeful.apis.eventing import register
from wakeful.apis.messaging import ChannelTemplateSpec
from wakeful.apis.messaging.config import describe_fault, read_yaml

CONFIG_BROKER_DEFAULTS = "config-br-defaults"
BROKER_DEFAULTS_KEY = "default-br-config"
CONFIG_BROKER_CHANNEL = "config-br-default-channel"
CHANNEL_TEMPLATE_KEYS = ("channel-template-spec", "channelTemplateSpec")


class BrokerConfig(KReference):
    """Where a Broker's settings are, and how it delivers."""

    delivery: DeliverySpec | None = None

    @property
    def reference(self) -> KReference | None:
        """The reference alone; None when there is none."""
        if not self.kind and not self.name:
            return None
        return KReference(
            kind=self.kind, namespace=self.namespace, name=self.name, api_version=self.api_version
        )


class BrokerDefaults(BrokerConfig):
    """The defaults of one namespace, or of all that have none of their own."""

    broker_class: str = ""
    broker_classes: dict[str, BrokerConfig] = Field(default_factory=dict)
    disallow_different_namespace_config: bool = False

    @property
    def own(self) -> BrokerConfig | None:
        """What is said beside the class itself; None when nothing is."""
        if self.reference is None and self.delivery is None:
            return None
        return BrokerConfig.model_validate(
            {name: getattr(self, name) for name in BrokerConfig.model_fields}
        )


def _shipped() -> BrokerDefaults:
    return BrokerDefaults(
        broker_class=register.MT_CHANNEL_BROKER,
        api_version="v1",
        kind="ConfigMap",
        name=CONFIG_BROKER_CHANNEL,
        namespace=register.SYSTEM_NAMESPACE,
        delivery=DeliverySpec(retry=10, backoff_policy="exponential", backoff_delay="PT0.2S"),
    )


@dataclass(frozen=True, slots=True)
class BrokersConfig:
    """Everything the map says."""

    cluster: BrokerDefaults | None = field(default_factory=_shipped)
    namespaces: Mapping[str, BrokerDefaults] = field(default_factory=dict)

    def broker_class(self, namespace: str) -> str:
        """The class of a Broker that names none; empty when the map names none either."""
        own = self.namespaces.get(namespace)
        if own is not None and own.broker_class:
            return own.broker_class
        return self.cluster.broker_class if self.cluster is not None else ""

    def config_of(self, namespace: str, broker_class: str) -> BrokerConfig | None:
        """What a Broker of that class gets; the namespace is asked before the cluster."""
        wanted = broker_class or self.broker_class(namespace)
        for defaults in (self.namespaces.get(namespace), self.cluster):
            if defaults is None:
                continue
            if wanted in defaults.broker_classes:
                return defaults.broker_classes[wanted]
            if defaults.broker_class == wanted and defaults.own is not None:
                return defaults.own
        return self.cluster.own if self.cluster is not None else None

    def allows_other_namespaces(self, namespace: str) -> bool:
        """Whether Brokers may have their settings in another namespace."""
        asked = (self.namespaces.get(namespace), self.cluster)
        return not any(d is not None and d.disallow_different_namespace_config for d in asked)


def parse_broker_defaults(data: Mapping[str, str]) -> BrokersConfig:
    """Read ``config-br-defaults``; an empty map stands for what is shipped.

    Raises:
        ValueError: The entry is missing from a map that has others, or makes no sense.
    """
    if not any(not key.startswith("_") for key in data):
        return BrokersConfig()
    raw = read_yaml(data, BROKER_DEFAULTS_KEY)
    try:
        cluster = raw.get("clusterDefault")
        config = BrokersConfig(
            None if cluster is None else BrokerDefaults.from_wire(cluster),
            {
                name: BrokerDefaults.from_wire(entry)
                for name, entry in (raw.get("namespaceDefaults") or {}).items()
            },
        )
    except ValidationError as err:
        raise ValueError(describe_fault(BROKER_DEFAULTS_KEY, err)) from err
    except (AttributeError, TypeError) as err:
        raise ValueError(
            f"Failed to parse the entry: {BROKER_DEFAULTS_KEY}: defaults must be objects"
        ) from err
    for defaults in (*config.namespaces.values(), config.cluster):
        if defaults is not None:
            _check(defaults)
    return config


def _check(defaults: BrokerDefaults) -> None:
    for config in (defaults, *defaults.broker_classes.values()):
        if faults := validate_delivery(config.delivery, EventingFeatures()):
            raise ValueError(
                f"Failed to parse the entry: {BROKER_DEFAULTS_KEY}: delivery: {to_text(faults)}"
            )


def load_broker_defaults(lookup: ConfigLookup) -> BrokersConfig:
    """The defaults in force at admission; a map that makes no sense counts as empty."""
    try:
        return parse_broker_defaults(lookup(CONFIG_BROKER_DEFAULTS, register.SYSTEM_NAMESPACE))
    except ValueError:
        return BrokersConfig()


def parse_channel_template(data: Mapping[str, str]) -> ChannelTemplateSpec:
    """Read the template out of a Broker's settings.

    Raises:
        ValueError: There is none, or it makes no sense.
    """
    key = next((key for key in CHANNEL_TEMPLATE_KEYS if key in data), CHANNEL_TEMPLATE_KEYS[0])
    if key not in data:
        raise ValueError(f'missing key "{key}"')
    try:
        template = ChannelTemplateSpec.from_wire(read_yaml(data, key))
    except ValidationError as err:
        raise ValueError(describe_fault(key, err)) from err
    if not (template.api_version and template.kind):
        raise ValueError(f"{key}: a channel template needs both apiVersion and kind")
    return template


def validate_channel_template_map(data: Mapping[str, str]) -> None:
    """Refuse a ``config-br-default-channel`` that Brokers could not use.

    Raises:
        ValueError: As :func:`parse_channel_template`; a map without the key is fine, it is shipped
            that way in some installations.
    """
    if any(key in data for key in CHANNEL_TEMPLATE_KEYS):
        parse_channel_template(data)
