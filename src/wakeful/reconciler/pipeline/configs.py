"""The settings of Tekton as its reconcilers read them: the last good values, live."""

from __future__ import annotations

from wakeful.apis.core import ConfigMap
from wakeful.apis.pipeline.config import (
    DefaultsConfig,
    FeatureFlags,
    parse_defaults,
    parse_flags,
)
from wakeful.apis.pipeline.register import CONFIG_DEFAULTS, FEATURE_FLAGS, SYSTEM_NAMESPACE
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore


class PipelineConfigs:
    """One store for each map."""

    def __init__(self, manager: Manager) -> None:
        maps = manager.informer(ConfigMap)
        self._defaults: ConfigStore[DefaultsConfig] = ConfigStore(
            maps, CONFIG_DEFAULTS, parse_defaults, namespace=SYSTEM_NAMESPACE
        )
        self._flags: ConfigStore[FeatureFlags] = ConfigStore(
            maps, FEATURE_FLAGS, parse_flags, namespace=SYSTEM_NAMESPACE
        )

    @property
    def defaults(self) -> DefaultsConfig:
        """``config-defaults`` as it is now."""
        return self._defaults.current()

    @property
    def flags(self) -> FeatureFlags:
        """``feature-flags`` as they are now."""
        return self._flags.current()
