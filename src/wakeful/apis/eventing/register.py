"""The words of ``eventing.knative.dev``."""

from __future__ import annotations

GROUP = "eventing.knative.dev"
WEBHOOK = "validation.webhook.eventing.knative.dev"
"""Denials are worded as this webhook's."""

SYSTEM_NAMESPACE = "knative-eventing"
DEFAULT_BROKER = "default"

BROKER_CLASS = f"{GROUP}/broker.class"
"""Annotation: who is responsible for a Broker."""
MT_CHANNEL_BROKER = "MTChannelBasedBroker"
"""The class whose Brokers are kept here: events wait in a channel."""
BROKER_LABEL = f"{GROUP}/broker"
"""Label of Triggers, Subscriptions and channels: the Broker they belong to."""
BROKER_EVERYTHING = f"{GROUP}/brokerEverything"
"""Label of the channel through which everything goes."""

DEPENDENCY = "knative.dev/dependency"
"""Annotation of a Trigger: what must be ready before it is, as JSON."""

INJECTION = f"{GROUP}/injection"
"""Today: a label of namespaces, an annotation of Triggers."""
LEGACY_INJECTION = "knative-eventing-injection"
"""The same in 2019."""
INJECTED = f"{GROUP}/injected"
NAMESPACE_INJECTED = f"{GROUP}/namespaceInjected"
ENABLED, DISABLED = "enabled", "disabled"

CHANNEL_ADDRESS = "knative.dev/channelAddress"
CHANNEL_KIND = "knative.dev/channelKind"
CHANNEL_API_VERSION = "knative.dev/channelAPIVersion"
CHANNEL_NAME = "knative.dev/channelName"
CHANNEL_NAMESPACE = "knative.dev/channelNamespace"
"""Annotations in a Broker's status: the channel its events wait in."""

TRANSFORM_IMAGE = "wakeful/event-transform"
"""The built-in image in which the expressions of EventTransforms run."""
TRANSFORM_LABEL = f"{GROUP}/event-transform-name"
"""Label of what was made for an EventTransform."""
