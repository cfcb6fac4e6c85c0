"""``config-deployment``: how Revisions become Deployments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.duration import format_duration
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.apis.serving.config.parse import (
    ConfigError,
    as_bool,
    as_duration,
    as_quantity,
    as_str,
    as_words,
    mapping_of,
)

SPREAD = "prefer-spread-revision-over-nodes"
NO_AFFINITY = "none"
_SIDECAR_RESOURCES = {"cpu": "CPU", "memory": "Memory", "ephemeral-storage": "EphemeralStorage"}


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """The keys that have a meaning without a queue-proxy; the others are read by nobody."""

    registries_skipping_tag_resolving: frozenset[str] = frozenset(
        ("kind.local", "ko.local", "dev.local")
    )
    digest_resolution_timeout_seconds: float = 10.0
    progress_deadline_seconds: int = 600
    default_affinity_type: str = SPREAD
    runtime_class_selectors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Runtime class to the labels a Revision must carry for it."""
    pod_is_always_schedulable: bool = False

    def runtime_class_name(self, labels: Mapping[str, str]) -> str | None:
        """The most specific class whose selector matches; ties go to the smaller name."""
        matches = [
            (-len(selector), name)
            for name, selector in self.runtime_class_selectors.items()
            if all(labels.get(key) == value for key, value in selector.items())
        ]
        return min(matches)[1] if matches else None


def parse_deployment(data: Mapping[str, str]) -> DeploymentConfig:
    """Read the map; ``queue-sidecar-*`` keys are checked and have nothing to configure here.

    Raises:
        ConfigError: A value cannot be read or is out of bounds.
    """
    deadline = as_duration(data, ("progressDeadline", "progress-deadline"), timedelta(seconds=600))
    if deadline <= timedelta():
        raise ConfigError(
            f"progress-deadline cannot be a non-positive duration, was {format_duration(deadline)}",
            key="progress-deadline",
        )
    if deadline % timedelta(seconds=1):
        raise ConfigError(
            "progress-deadline must be rounded to a whole second,"
            f" was: {format_duration(deadline)}",
            key="progress-deadline",
        )
    timeout = as_duration(
        data, ("digestResolutionTimeout", "digest-resolution-timeout"), timedelta(seconds=10)
    )
    if timeout <= timedelta():
        raise ConfigError(
            "digest-resolution-timeout cannot be a non-positive duration,"
            f" was {format_duration(timeout)}",
            key="digest-resolution-timeout",
        )
    for kind, former in _SIDECAR_RESOURCES.items():
        for bound in ("request", "limit"):
            keys = (f"queueSidecar{former}{bound.title()}", f"queue-sidecar-{kind}-{bound}")
            as_quantity(data, keys)
    affinity = as_str(data, "default-affinity-type", SPREAD)
    if affinity not in (SPREAD, NO_AFFINITY):
        raise ConfigError(
            f'unsupported default-affinity-type value: "{affinity}"', key="default-affinity-type"
        )
    return DeploymentConfig(
        registries_skipping_tag_resolving=as_words(
            data,
            ("registriesSkippingTagResolving", "registries-skipping-tag-resolving"),
            DeploymentConfig().registries_skipping_tag_resolving,
        ),
        digest_resolution_timeout_seconds=timeout.total_seconds(),
        progress_deadline_seconds=deadline // timedelta(seconds=1),
        default_affinity_type=affinity,
        runtime_class_selectors=_runtime_classes(data),
        pod_is_always_schedulable=as_bool(data, "pod-is-always-schedulable", False),
    )


def _runtime_classes(data: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    key = "runtime-class-name"
    try:
        result: dict[str, Mapping[str, str]] = {}
        for name, options in mapping_of(yaml_value(data.get(key, "")), "the value").items():
            selector = mapping_of(mapping_of(options, name).get("selector"), f"{name}.selector")
            result[str(name)] = {str(k): str(v) for k, v in selector.items()}
    except ValueError as err:
        raise ConfigError(
            f"{key} cannot be parsed, please check the format: {err}", key=key
        ) from err
    for name in result:
        if faults := dns_subdomain_faults(name):
            raise ConfigError(
                f"{key} {name} selector not valid DNSSubdomain: [{' '.join(faults)}]", key=key
            )
    return result
