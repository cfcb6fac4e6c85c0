"""Serving's ``config-*`` maps as typed values.

Each ``parse_*`` is pure: the map's ``data`` in, a frozen value out, or a :class:`ConfigError` in
upstream's words. ``VALIDATORS`` names the parser of every map, for whoever admits ConfigMaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wakeful.apis.serving.config.advice import advise
from wakeful.apis.serving.config.collectors import CollectorAddress, ListenAddress
from wakeful.apis.serving.config.defaults import DefaultsConfig, parse_defaults
from wakeful.apis.serving.config.deployment import DeploymentConfig, parse_deployment
from wakeful.apis.serving.config.domain import DomainConfig, parse_domain
from wakeful.apis.serving.config.exporters import MetricsConfig, Protocol, TracingConfig
from wakeful.apis.serving.config.features import FeaturesConfig, Flag, parse_features
from wakeful.apis.serving.config.foreign import (
    check_certmanager,
    check_leader_election,
)
from wakeful.apis.serving.config.gc import GCConfig, parse_gc
from wakeful.apis.serving.config.logging import CONFIG_LOGGING, LoggingConfig, parse_logging
from wakeful.apis.serving.config.network import NetworkConfig, parse_network
from wakeful.apis.serving.config.observability import ObservabilityConfig, parse_observability
from wakeful.apis.serving.config.parse import ConfigError
from wakeful.apis.serving.config.zipkin import parse_zipkin

CONFIG_DEFAULTS = "config-defaults"
CONFIG_FEATURES = "config-features"
CONFIG_DEPLOYMENT = "config-deployment"
CONFIG_GC = "config-gc"
CONFIG_DOMAIN = "config-domain"
CONFIG_NETWORK = "config-network"
CONFIG_OBSERVABILITY = "config-observability"
CONFIG_TRACING = "config-tracing"

VALIDATORS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    CONFIG_DEFAULTS: parse_defaults,
    CONFIG_FEATURES: parse_features,
    CONFIG_DEPLOYMENT: parse_deployment,
    CONFIG_GC: parse_gc,
    CONFIG_DOMAIN: parse_domain,
    CONFIG_NETWORK: parse_network,
    CONFIG_OBSERVABILITY: parse_observability,
    CONFIG_TRACING: parse_zipkin,
    "config-leader-election": check_leader_election,
    CONFIG_LOGGING: parse_logging,
    "config-certmanager": check_certmanager,
}

__all__ = [
    "CONFIG_DEFAULTS",
    "CONFIG_DEPLOYMENT",
    "CONFIG_DOMAIN",
    "CONFIG_FEATURES",
    "CONFIG_GC",
    "CONFIG_LOGGING",
    "CONFIG_NETWORK",
    "CONFIG_OBSERVABILITY",
    "CONFIG_TRACING",
    "VALIDATORS",
    "CollectorAddress",
    "ConfigError",
    "DefaultsConfig",
    "DeploymentConfig",
    "DomainConfig",
    "FeaturesConfig",
    "Flag",
    "GCConfig",
    "ListenAddress",
    "LoggingConfig",
    "MetricsConfig",
    "NetworkConfig",
    "ObservabilityConfig",
    "Protocol",
    "TracingConfig",
    "advise",
    "parse_defaults",
    "parse_deployment",
    "parse_domain",
    "parse_features",
    "parse_gc",
    "parse_logging",
    "parse_network",
    "parse_observability",
    "parse_zipkin",
]
