"""Maps that configure what does not exist here: leader election and cert-manager.

They are checked as upstream checks them, so that one that passes here passes there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apis.serving.config.parse import ConfigError, as_duration, read

_MOST_BUCKETS = 10
_ISSUERS = ("issuerRef", "clusterLocalIssuerRef", "systemInternalIssuerRef")
_DURATIONS = {"lease-duration": "leaseDuration", "renew-deadline": "renewDeadline"}
_DURATIONS |= {"retry-period": "retryPeriod"}


def check_leader_election(data: Mapping[str, str]) -> None:
    """Find faults in ``config-leader-election``.

    Raises:
        ConfigError: A duration cannot be read, or the number of buckets is out of bounds.
    """
    for key, former in _DURATIONS.items():
        as_duration(data, (former, key), timedelta())
    buckets = read(data, "buckets", _parse_uint32, 1)
    if not 1 <= buckets <= _MOST_BUCKETS:
        raise ConfigError(
            f"buckets: value must be between 1 <= {buckets} <= {_MOST_BUCKETS}", key="buckets"
        )


def _parse_uint32(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) >= 1 << 32:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def check_certmanager(data: Mapping[str, str]) -> None:
    """Find faults in ``config-certmanager``.

    Raises:
        ConfigError: A reference to an issuer is no mapping in YAML.
    """
    for key in _ISSUERS:
        try:
            parsed: Any = yaml_value(data.get(key, ""))
        except ValueError as err:
            raise ConfigError(f"failed to parse {key}: {err}", key=key) from err
        if parsed is not None and not isinstance(parsed, dict):
            raise ConfigError(f"failed to parse {key}: it is no mapping", key=key)
