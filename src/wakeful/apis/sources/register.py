"""The keys of event sources: groups, labels, types of events."""

from __future__ import annotations

from wakeful.apis.duck.destination_conversion import WEBHOOK

GROUP = "sources.knative.dev"
LEGACY_GROUP = "sources.eventing.knative.dev"
"""The group of 2019, a set of kinds of its own."""
BINDINGS_GROUP = "bindings.knative.dev"
LEGACY_VERSION = "v1alpha1"
SYSTEM_NAMESPACE = "knative-eventing"
CONFIG_PING_DEFAULTS = "config-ping-defaults"

CATEGORIES = ("all", "knative", "sources")
LEGACY_CATEGORIES = ("all", "knative", "eventing", "sources")
SOURCE_LABELS = {"duck.knative.dev/source": "true", "eventing.knative.dev/source": "true"}
BINDING_LABELS = {"duck.knative.dev/binding": "true"}
EVENT_TYPES_ANNOTATION = "registry.knative.dev/eventTypes"
"""Annotation of a kind: the events its sources emit, as JSON."""

SOURCE_LABEL = "eventing.knative.dev/source"
"""Label of what was made for a source: its controller."""
SOURCE_NAME_LABEL = "eventing.knative.dev/sourceName"
SKIP_PERMISSIONS = "features.knative.dev/apiserversource-skip-permissions-check"
"""Annotation: "true" has nobody ask whether the service account may watch."""

APISERVER_TYPE = "dev.knative.apiserver"
APISERVER_RESOURCE_TYPES = tuple(
    f"{APISERVER_TYPE}.resource.{change}" for change in ("add", "delete", "update")
)
APISERVER_REFERENCE_TYPES = tuple(
    f"{APISERVER_TYPE}.ref.{change}" for change in ("add", "delete", "update")
)
PING_TYPE = "dev.knative.sources.ping"
CRONJOB_TYPE = "dev.knative.cronjob.event"
GITHUB_TYPE = "dev.knative.source.github"
GITHUB_SOURCE = "https://github.com"

__all__ = [
    "APISERVER_REFERENCE_TYPES",
    "APISERVER_RESOURCE_TYPES",
    "APISERVER_TYPE",
    "BINDINGS_GROUP",
    "BINDING_LABELS",
    "CATEGORIES",
    "CONFIG_PING_DEFAULTS",
    "CRONJOB_TYPE",
    "EVENT_TYPES_ANNOTATION",
    "GITHUB_SOURCE",
    "GITHUB_TYPE",
    "GROUP",
    "LEGACY_CATEGORIES",
    "LEGACY_GROUP",
    "LEGACY_VERSION",
    "PING_TYPE",
    "SKIP_PERMISSIONS",
    "SOURCE_LABEL",
    "SOURCE_LABELS",
    "SOURCE_NAME_LABEL",
    "SYSTEM_NAMESPACE",
    "WEBHOOK",
]
