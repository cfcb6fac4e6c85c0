"""``default-ch-webhook``: the kind of channel for those who do not care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, ValidationError

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.meta import APIModel
from wakeful.apimachinery.scheme import ConfigLookup
from wakeful.apis.messaging.channel_template_types import ChannelTemplateSpec
from wakeful.apis.messaging.register import SYSTEM_NAMESPACE

CONFIG_CHANNEL_DEFAULTS = "default-ch-webhook"
CHANNEL_DEFAULTS_KEY = "default-ch-config"


def _in_memory() -> ChannelTemplateSpec:
    return ChannelTemplateSpec(api_version="messaging.knative.dev/v1", kind="InMemoryChannel")


@dataclass(frozen=True, slots=True)
class ChannelDefaults:
    """A template for each namespace that has its own, and one for all others."""

    cluster: ChannelTemplateSpec | None = field(default_factory=_in_memory)
    namespaces: Mapping[str, ChannelTemplateSpec] = field(default_factory=dict)

    def template_for(self, namespace: str) -> ChannelTemplateSpec | None:
        """A private copy of the template in force."""
        found = self.namespaces.get(namespace, self.cluster)
        return None if found is None else found.deep_copy()


class _Entry(APIModel):
    cluster_default: ChannelTemplateSpec | None = None
    namespace_defaults: dict[str, ChannelTemplateSpec] = Field(default_factory=dict)


def read_yaml(data: Mapping[str, str], key: str) -> Any:
    """The YAML document under a key, which must be an object.

    Raises:
        ValueError: The key is missing or empty, or is no YAML.
    """
    text = data.get(key, "")
    if not text.strip():
        raise ValueError(f'ConfigMap is missing (or empty) key: "{key}"')
    try:
        found = yaml_value(text)
    except ValueError as err:
        raise ValueError(f"Failed to parse the entry: {key} is not YAML: {err}") from err
    if isinstance(found, dict):
        return found
    raise ValueError(f"Failed to parse the entry: {key} is not an object")


def describe_fault(key: str, err: ValidationError) -> str:
    """The first of a model's faults, in words for whoever wrote the map."""
    first = err.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"Failed to parse the entry: {key}: {where}: {first['msg']}"


def parse_channel_defaults(data: Mapping[str, str]) -> ChannelDefaults:
    """Read the map; an empty one stands for what is shipped.

    Raises:
        ValueError: The entry is missing from a map that has others, or makes no sense.
    """
    if not any(not key.startswith("_") for key in data):
        return ChannelDefaults()
    try:
        entry = _Entry.from_wire(read_yaml(data, CHANNEL_DEFAULTS_KEY))
    except ValidationError as err:
        raise ValueError(describe_fault(CHANNEL_DEFAULTS_KEY, err)) from err
    for template in (*entry.namespace_defaults.values(), entry.cluster_default):
        if template is not None and not (template.api_version and template.kind):
            raise ValueError(
                f"Failed to parse the entry: {CHANNEL_DEFAULTS_KEY}: a default needs both"
                " apiVersion and kind"
            )
    return ChannelDefaults(entry.cluster_default, entry.namespace_defaults)


def load_channel_defaults(lookup: ConfigLookup) -> ChannelDefaults:
    """The defaults in force at admission; a map that makes no sense counts as empty."""
    try:
        return parse_channel_defaults(lookup(CONFIG_CHANNEL_DEFAULTS, SYSTEM_NAMESPACE))
    except ValueError:
        return ChannelDefaults()
