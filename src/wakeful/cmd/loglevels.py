"""The platform's own log levels follow ``config-logging``, from one line to the next."""

from __future__ import annotations

import logging

from wakeful.apis.core import ConfigMap
from wakeful.apis.serving.config import CONFIG_LOGGING, LoggingConfig, parse_logging
from wakeful.config import LogLevel
from wakeful.controller import ConfigStore, Manager
from wakeful.telemetry import set_levels


def follow_log_levels(manager: Manager, started_with: LogLevel) -> None:
    """Apply every change of the map; what it leaves open is as the platform was started."""
    usual = logging.getLevelNamesMapping()[started_with.upper()]

    def apply(config: LoggingConfig) -> None:
        set_levels(usual if config.level is None else config.level, config.components)

    ConfigStore(manager.informer(ConfigMap), CONFIG_LOGGING, parse_logging).on_change(apply)
