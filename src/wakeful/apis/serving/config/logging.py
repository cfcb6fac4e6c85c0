"""``config-logging``: how much is logged, by everybody and by single components.

Levels are zap's. https://github.com/knative/pkg/blob/main/logging/config.go
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apis.serving.config.parse import ConfigError

CONFIG_LOGGING = "config-logging"
ZAP_CONFIG = "zap-logger-config"
LEVEL_PREFIX = "loglevel."

_LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    # What follows these words ends a program written in Go; here nothing does.
    "dpanic": logging.CRITICAL,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """Numbers as of the standard library."""

    level: int | None = None
    """Of everything; None is as the platform was started."""
    components: Mapping[str, int] = field(default_factory=dict)
    """Of single components, by upstream's names."""


def parse_logging(data: Mapping[str, str]) -> LoggingConfig:
    """Read the map.

    A ``zap-logger-config`` that cannot be read is passed over, as upstream does.

    Raises:
        ConfigError: A component's level is none.
    """
    components = {}
    for key, text in data.items():
        component = key.removeprefix(LEVEL_PREFIX)
        if component in (key, "") or not text:
            continue
        level = _LEVELS.get(text.lower())
        if level is None:
            raise ConfigError(f"invalid logging level: {text}", key=key)
        components[component] = level
    return LoggingConfig(read_zap_config(data.get(ZAP_CONFIG, ""))[0], components)


def read_zap_config(text: str) -> tuple[int | None, str]:
    """The level in a configuration of zap, and what is to be said about the rest of it."""
    if not text.strip():
        return None, ""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as err:
        return None, f"it is passed over, it is not JSON: {err}"
    if not isinstance(parsed, dict):
        return None, "it is passed over, it is no JSON object"
    found = parsed.pop("level", None)
    rest = "of it, only the level has an effect" if parsed else ""
    if found is None:
        return None, rest
    level = _LEVELS.get(found.lower() or "info") if isinstance(found, str) else None
    if level is None:
        return None, f"it is passed over, {found!r} is no logging level"
    return level, rest
