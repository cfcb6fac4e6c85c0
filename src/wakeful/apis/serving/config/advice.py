"""What to tell whoever sets a key that has no effect here, or that nobody knows. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from wakeful.apis.serving.config.features import FeaturesConfig, config_key
from wakeful.apis.serving.config.logging import (
    CONFIG_LOGGING,
    LEVEL_PREFIX,
    ZAP_CONFIG,
    read_zap_config,
)
from wakeful.telemetry import COMPONENTS

EXAMPLE = "_example"
_NO_QUEUE_PROXY = "instances have no queue-proxy container, Envoy does its work"
_OLD_METRICS = "Knative dropped it in 2025, see metrics-protocol and metrics-endpoint"
_NO_STACKDRIVER = "spans go to Zipkin or OpenTelemetry's collectors, and to no cloud's own"
_NO_MESH = "there is no service mesh"
_OFF = frozenset({"", "disabled", "none", "false", "0", "auto"})


@dataclass(frozen=True, slots=True)
class Map:
    """What is known of one map: its keys, and why some have no effect."""

    keys: frozenset[str]
    ineffective: Mapping[str, str]
    """Key, or beginning of keys with a ``*``, to the reason; unless the value says off."""

    def why_not(self, key: str) -> str:
        """Why a key has no effect; empty when it has."""
        for pattern, reason in self.ineffective.items():
            if key == pattern or (pattern.endswith("*") and key.startswith(pattern[:-1])):
                return reason
        return ""


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAPS: Mapping[str, Map] = {
    "config-autoscaler": Map(
        _keys(
            "container-concurrency-target-default container-concurrency-target-percentage"
            " requests-per-second-target-default target-burst-capacity stable-window"
            " panic-window-percentage panic-threshold-percentage max-scale-up-rate"
            " max-scale-down-rate enable-scale-to-zero scale-to-zero-grace-period"
            " scale-to-zero-pod-retention-period pod-autoscaler-class activator-capacity"
            " initial-scale allow-zero-initial-scale min-scale max-scale scale-down-delay"
            " max-scale-limit"
        ),
        {"tick-interval": "decisions are made every 2 s, and at once when a request waits"},
    ),
    "config-defaults": Map(
        _keys(
            "revision-timeout-seconds max-revision-timeout-seconds"
            " revision-response-start-timeout-seconds revision-idle-timeout-seconds"
            " revision-cpu-request revision-memory-request revision-ephemeral-storage-request"
            " revision-cpu-limit revision-memory-limit revision-ephemeral-storage-limit"
            " container-name-template init-container-name-template container-concurrency"
            " container-concurrency-max-limit allow-container-concurrency-zero"
            " enable-service-links"
        ),
        {},
    ),
    "config-deployment": Map(
        _keys(
            "progress-deadline progressDeadline digest-resolution-timeout digestResolutionTimeout"
            " registries-skipping-tag-resolving registriesSkippingTagResolving"
            " default-affinity-type runtime-class-name pod-is-always-schedulable"
        ),
        {"queue-sidecar-*": _NO_QUEUE_PROXY, "queueSidecar*": _NO_QUEUE_PROXY},
    ),
    "config-features": Map(
        frozenset(config_key(feature.name) for feature in fields(FeaturesConfig)),
        {"queueproxy.*": _NO_QUEUE_PROXY},
    ),
    "config-gc": Map(
        _keys(
            "retain-since-create-time retain-since-last-active-time min-non-active-revisions"
            " max-non-active-revisions"
        ),
        {},
    ),
    "config-leader-election": Map(
        frozenset(), {"*": "one process decides here, there is nobody to elect"}
    ),
    CONFIG_LOGGING: Map(
        frozenset({ZAP_CONFIG, *(LEVEL_PREFIX + name for name in COMPONENTS)}),
        {f"{LEVEL_PREFIX}hpaautoscaler": "it logs as the controller does"},
    ),
    "config-certmanager": Map(
        frozenset(),
        {"*": "certificates are signed by the platform's own authority"},
    ),
    "config-network": Map(
        _keys(
            "ingress-class ingress.class certificate-class certificate.class"
            " namespace-wildcard-cert-selector namespaceWildcardCertSelector domain-template"
            " domainTemplate tag-template tagTemplate auto-tls autoTLS external-domain-tls"
            " cluster-local-domain-tls http-protocol httpProtocol rollout-duration"
            " rolloutDuration autocreate-cluster-domain-claims autocreateClusterDomainClaims"
            " default-external-scheme defaultExternalScheme"
        ),
        {
            "system-internal-tls": "between the gateway and instances there is no TLS: both are on"
            " this machine, and what passes between them does not leave it",
            "internal-encryption": "between the gateway and instances there is no TLS: both are on"
            " this machine, and what passes between them does not leave it",
            "enable-mesh-pod-addressability": _NO_MESH,
            "enableMeshPodAddressability": _NO_MESH,
            "mesh-compatibility-mode": _NO_MESH,
        },
    ),
    "config-observability": Map(
        _keys(
            "logging.revision-url-template logging.request-log-template"
            " logging.enable-request-log logging.enable-probe-request-log"
            " metrics-protocol metrics-endpoint metrics-export-interval request-metrics-protocol"
            " request-metrics-endpoint request-metrics-export-interval"
            " tracing-protocol tracing-endpoint tracing-sampling-rate"
        ),
        {
            "logging.enable-var-log-collection": "what instances print is kept, see `wakeful logs`;"
            " files under /var/log are not",
            "metrics.*": _OLD_METRICS,
            "runtime-*": "the platform has no profiling server",
            "profiling.enable": "the platform has no profiling server",
        },
    ),
    "config-tracing": Map(
        _keys("backend enable zipkin-endpoint debug sample-rate"),
        {"stackdriver-project-id": _NO_STACKDRIVER},
    ),
}
_SECURE_PODS = "secure-pod-defaults"


def advise(name: str, data: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each key of a map that does not do what it seems to."""
    found = _MAPS.get(name)
    if found is None:
        return
    for key, text in data.items():
        if key == EXAMPLE:
            continue
        reason = found.why_not(key)
        if reason:
            if text.strip().lower() not in _OFF:
                yield f"{name}: {key} has no effect: {reason}"
        elif key not in found.keys:
            close = difflib.get_close_matches(key, found.keys, 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            yield f"{name}: unknown key {key!r} has no effect{hint}"
        elif name == "config-features":
            yield from _advise_flag(key, text)
        elif key == ZAP_CONFIG and (remark := read_zap_config(text)[1]):
            yield f"{name}: {key}: {remark}"
    if name == "config-tracing":
        yield from _advise_zipkin(data)
    elif name == "config-observability":
        yield from _advise_sampling(data)


def _advise_zipkin(data: Mapping[str, str]) -> Iterator[str]:
    if data.get("backend") == "stackdriver":
        yield f"config-tracing: backend stackdriver has no effect: {_NO_STACKDRIVER}"
    if "/api/v1/" in data.get("zipkin-endpoint", ""):
        yield (
            "config-tracing: spans are sent in Zipkin's version 2, which an endpoint of version 1"
            " does not understand; it is /api/v2/spans at the same address"
        )


def _advise_sampling(data: Mapping[str, str]) -> Iterator[str]:
    """Upstream's default samples nothing, which nobody expects who has just named a collector."""
    key = "tracing-sampling-rate"
    pushed = data.get("tracing-protocol", "") not in ("", "none", "stdout")
    if pushed and key not in data:
        yield f"config-observability: no spans are sent while {key} is not set; 1 is all of them"


def _advise_flag(key: str, text: str) -> Iterator[str]:
    """Upstream passes over a value that is no flag; so do we, and say so."""
    other = "AllowRootBounded" if key == _SECURE_PODS else "allowed"
    known = ("enabled", other, "disabled")
    if text.lower() not in [word.lower() for word in known]:
        yield f"config-features: {key} is passed over: {text!r} is none of {', '.join(known)}"
