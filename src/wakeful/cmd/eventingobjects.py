"""Objects Eventing has from the start: its configuration and its roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wakeful import __version__
from wakeful.apis.eventing import register

JSONObject = dict[str, Any]

_BROKER_DEFAULTS = """\
clusterDefault:
  brokerClass: MTChannelBasedBroker
  apiVersion: v1
  kind: ConfigMap
  name: config-br-default-channel
  namespace: knative-eventing
  delivery:
    retry: 10
    backoffPolicy: exponential
    backoffDelay: PT0.2S
"""
_BROKER_CHANNEL = """\
apiVersion: messaging.knative.dev/v1alpha1
kind: NatsJetStreamChannel
"""
_CHANNEL_DEFAULTS = """\
clusterDefault:
  apiVersion: messaging.knative.dev/v1
  kind: InMemoryChannel
namespaceDefaults: {}
"""
_FEATURES_EXAMPLE = """\
# Every flag may be set; changes take effect at once.
delivery-timeout: enabled
delivery-retryafter: disabled
kreference-group: disabled
eventtype-auto-create: disabled
new-apiserversource-filters: disabled
"""
_SUGAR_EXAMPLE = """\
# Namespaces and Triggers that get a Broker beside those that ask for one themselves.
namespace-selector: |
  matchExpressions:
  - key: team
    operator: In
    values: [events]
trigger-selector: |
  matchLabels:
    broker: wanted
"""
_NATS_EXAMPLE = """\
# Without it events are kept by the platform's own server, in the data directory.
# Secrets are in this namespace.
eventing-nats: |
  url: nats://nats.example.org:4222
  auth:
    credentialFile:
      secret: {name: nats-credentials, key: nats.creds}
  tls:
    secret: {name: nats-ca, key: ca.crt}
# Most event processes; 0 is half as many as there are processors.
workers: "0"
"""
_KAFKA_EXAMPLE = """\
# Where KafkaChannels keep their events. The Secret is in this namespace.
bootstrap.servers: kafka-1.example.org:9092,kafka-2.example.org:9092
auth.secret.ref.name: kafka
"""
_LOGGING_EXAMPLE = """\
# Read by programs that log as Knative's do. The platform's own log levels are in the map of this
# name in knative-serving.
loglevel.controller: info
"""
_OBSERVABILITY_EXAMPLE = """\
# Read by programs that observe themselves as Knative's do; the platform takes no notice.
tracing-protocol: none
metrics-protocol: none
"""
_CONFIG_MAPS: Mapping[str, Mapping[str, str]] = {
    "config-br-defaults": {"default-br-config": _BROKER_DEFAULTS},
    "config-br-default-channel": {"channel-template-spec": _BROKER_CHANNEL},
    "default-ch-webhook": {"default-ch-config": _CHANNEL_DEFAULTS},
    "config-features": {"_example": _FEATURES_EXAMPLE},
    "config-logging": {"_example": _LOGGING_EXAMPLE},
    "config-observability": {"_example": _OBSERVABILITY_EXAMPLE},
    "config-sugar": {"_example": _SUGAR_EXAMPLE},
    "config-nats": {"_example": _NATS_EXAMPLE},
    "kafka-channel-config": {"_example": _KAFKA_EXAMPLE},
}

_READ = ("get", "list", "watch")
_CHANGE = ("create", *_READ, "patch", "update", "delete")
_ADDRESSABLE, _CHANNELABLE, _SOURCE = (
    f"duck.knative.dev/{duck}" for duck in ("addressable", "channelable", "source")
)
_ADDRESSABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "service-addressable-resolver": ("", ("services",)),
    "serving-addressable-resolver": ("serving.knative.dev", ("routes", "services")),
    "channel-addressable-resolver": (
        "messaging.knative.dev",
        ("channels", "inmemorychannels", "natsjetstreamchannels", "kafkachannels"),
    ),
    "broker-addressable-resolver": (register.GROUP, ("brokers",)),
    "flows-addressable-resolver": ("flows.knative.dev", ("sequences", "parallels")),
    "jobsinks-addressable-resolver": ("sinks.knative.dev", ("jobsinks",)),
    "eventtransforms-addressable-resolver": (register.GROUP, ("eventtransforms",)),
}
_CHANNELS = ("channels", "inmemorychannels", "natsjetstreamchannels", "kafkachannels")
_SOURCES = ("apiserversources", "containersources", "pingsources", "sinkbindings")
_OUTER_SOURCES = ("githubsources", "kafkasources", "cronjobsources")
_GROUPS = (
    register.GROUP,
    "messaging.knative.dev",
    "flows.knative.dev",
    "sources.knative.dev",
    "sources.eventing.knative.dev",
    "sinks.knative.dev",
    "bindings.knative.dev",
)


def eventing_objects() -> list[JSONObject]:
    """Everything but the namespace, which exists like the others."""
    return [*_config_maps(), *_roles()]


def _config_maps() -> list[JSONObject]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": register.SYSTEM_NAMESPACE,
                "labels": {
                    "app.kubernetes.io/name": register.SYSTEM_NAMESPACE,
                    "app.kubernetes.io/version": __version__,
                },
            },
            "data": dict(data),
        }
        for name, data in _CONFIG_MAPS.items()
    ]


def _roles() -> list[JSONObject]:
    addressable = [
        _role(name, [_rule(_READ, group, *_with_status(plurals))], _ADDRESSABLE)
        for name, (group, plurals) in _ADDRESSABLES.items()
    ]
    channels = _rule(_CHANGE, "messaging.knative.dev", *_with_status(_CHANNELS))
    sources = [
        _rule(_READ, "sources.knative.dev", *_with_status((*_SOURCES, *_OUTER_SOURCES))),
        _rule(
            _READ,
            "sources.eventing.knative.dev",
            *_with_status(("apiserversources", "containersources", *_OUTER_SOURCES)),
        ),
    ]
    everything = [_rule(("*",), group, "*") for group in _GROUPS]
    reading = [_rule(_READ, group, "*") for group in _GROUPS]
    changing = [_rule(_CHANGE, group, "*") for group in _GROUPS]
    return [
        _collection("addressable-resolver", _ADDRESSABLE),
        *addressable,
        _collection("channelable-manipulator", _CHANNELABLE),
        _role("meta-channelable-manipulator", [channels], _CHANNELABLE),
        _collection("source-observer", _SOURCE),
        _role("eventing-sources-source-observer", sources, _SOURCE),
        _role("knative-eventing-namespaced-admin", everything, _aggregate("admin")),
        _role("knative-eventing-namespaced-edit", changing, _aggregate("edit")),
        _role("knative-eventing-namespaced-view", reading, _aggregate("view")),
    ]


def _aggregate(role: str) -> str:
    return f"rbac.authorization.k8s.io/aggregate-to-{role}"


def _with_status(plurals: Sequence[str]) -> list[str]:
    return [name for plural in plurals for name in (plural, f"{plural}/status")]


def _rule(verbs: Sequence[str], group: str, *resources: str) -> JSONObject:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _role(name: str, rules: Sequence[JSONObject], label: str) -> JSONObject:
    meta = {"name": name, "labels": {label: "true"}}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": meta,
        "rules": list(rules),
    }


def _collection(name: str, label: str) -> JSONObject:
    """A role that has the rules of all roles with ``label``."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]},
        "rules": [],
    }
