"""``config-gc``: which Revisions nobody routes to may be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.goscalars import parse_int
from wakeful.apis.serving.config.parse import ConfigError

_DISABLED = "disabled"
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class GCConfig:
    """The map's keys; None is ``disabled``."""

    retain_since_create_time: timedelta | None = timedelta(hours=48)
    retain_since_last_active_time: timedelta | None = timedelta(hours=15)
    min_non_active_revisions: int = 20
    max_non_active_revisions: int | None = 1000

    @property
    def enabled(self) -> bool:
        """Whether anything can ever be deleted."""
        return (
            self.max_non_active_revisions is not None
            or self.retain_since_create_time is not None
            or self.retain_since_last_active_time is not None
        )


def parse_gc(data: Mapping[str, str]) -> GCConfig:
    """Read the map.

    Raises:
        ConfigError: A value cannot be read, or the minimum exceeds the maximum.
    """
    key = "min-non-active-revisions"
    try:
        least = parse_int(data.get(key, "20"))
    except ValueError as err:
        raise ConfigError(f'failed to parse data: failed to parse "{key}": {err}', key=key) from err
    created = _duration(data, "retain-since-create-time", 48)
    active = _duration(data, "retain-since-last-active-time", 15)
    most = _count(data, "max-non-active-revisions", 1000)
    if least < 0:
        raise ConfigError(f"{key} must be non-negative, was: {least}", key=key)
    if most is not None and least > most:
        raise ConfigError(
            f"min-non-active-revisions({least}) must be <= max-non-active-revisions({most})",
            key=key,
        )
    return GCConfig(created, active, least, most)


def _duration(data: Mapping[str, str], key: str, default_hours: int) -> timedelta | None:
    text = data.get(key, "")
    if text.lower() == _DISABLED:
        return None
    try:
        value = parse_duration(text) if text else timedelta(hours=default_hours)
    except ValueError as err:
        raise ConfigError(f"failed to parse {key}: {err}", key=key) from err
    if value < timedelta():
        raise ConfigError(f"failed to parse {key}: must be non-negative", key=key)
    return value


def _count(data: Mapping[str, str], key: str, default: int) -> int | None:
    text = data.get(key, "")
    if text.lower() == _DISABLED:
        return None
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        fault = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ConfigError(f"failed to parse {key}: {fault}", key=key)
    if len(text) > 19 or int(text) > _INT64_MAX:
        fault = f"value should be lower than {_INT64_MAX}"
        raise ConfigError(f"failed to parse {key}: {fault}", key=key)
    return int(text)
