"""The config maps Serving's reconcilers read, as their last good values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from wakeful.apis.autoscaling import CONFIG_NAME as CONFIG_AUTOSCALER
from wakeful.apis.autoscaling import AutoscalerConfig
from wakeful.apis.autoscaling import parse_config as parse_autoscaler
from wakeful.apis.core import ConfigMap
from wakeful.apis.serving.config import (
    CONFIG_DEFAULTS,
    CONFIG_DEPLOYMENT,
    CONFIG_DOMAIN,
    CONFIG_FEATURES,
    CONFIG_GC,
    CONFIG_NETWORK,
    CONFIG_OBSERVABILITY,
    DefaultsConfig,
    DeploymentConfig,
    DomainConfig,
    FeaturesConfig,
    GCConfig,
    NetworkConfig,
    ObservabilityConfig,
    parse_defaults,
    parse_deployment,
    parse_domain,
    parse_features,
    parse_gc,
    parse_network,
    parse_observability,
)
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class Current(Protocol[C_co]):
    """A setting that may change between two looks at it."""

    def current(self) -> C_co:
        """The value in force."""
        ...


class ServingConfigs:
    """One store for each map."""

    def __init__(self, manager: Manager) -> None:
        self._informer = manager.informer(ConfigMap)
        self.defaults: ConfigStore[DefaultsConfig] = self._store(CONFIG_DEFAULTS, parse_defaults)
        self.features: ConfigStore[FeaturesConfig] = self._store(CONFIG_FEATURES, parse_features)
        self.deployment: ConfigStore[DeploymentConfig] = self._store(
            CONFIG_DEPLOYMENT, parse_deployment
        )
        self.autoscaler: ConfigStore[AutoscalerConfig] = self._store(
            CONFIG_AUTOSCALER, parse_autoscaler
        )
        self.observability: ConfigStore[ObservabilityConfig] = self._store(
            CONFIG_OBSERVABILITY, parse_observability
        )
        self.domain: ConfigStore[DomainConfig] = self._store(CONFIG_DOMAIN, parse_domain)
        self.network: ConfigStore[NetworkConfig] = self._store(CONFIG_NETWORK, parse_network)
        self.gc: ConfigStore[GCConfig] = self._store(CONFIG_GC, parse_gc)

    def _store(self, name: str, parse: Callable[[Mapping[str, str]], C]) -> ConfigStore[C]:
        return ConfigStore(self._informer, name, parse)
