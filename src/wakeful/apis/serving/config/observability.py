"""``config-observability``: where the logs of a Revision are, and what is logged of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wakeful.apis.serving.config.exporters import check_exporters
from wakeful.apis.serving.config.parse import ConfigError, as_bool, read
from wakeful.apis.serving.config.requestlog import (
    DEFAULT_TEMPLATE,
    LogPart,
    parse_log_template,
)

_TEMPLATE = "logging.request-log-template"


@dataclass(frozen=True, slots=True)
class ObservabilityConfig:
    """The keys that are acted upon."""

    revision_url_template: str = ""
    request_log: tuple[LogPart, ...] = ()
    """What a line for each request says; empty while none are written."""
    log_probes: bool = False

    def log_url(self, revision_uid: str) -> str:
        """The address for one Revision; empty when nobody configured one."""
        return self.revision_url_template.replace("${REVISION_UID}", revision_uid)


def parse_observability(data: Mapping[str, str]) -> ObservabilityConfig:
    """Read the map.

    Raises:
        ConfigError: A value cannot be read, or requests shall be logged without a template.
    """
    check_exporters(data)
    as_bool(data, "logging.enable-var-log-collection", False)
    enabled = as_bool(data, "logging.enable-request-log", False)
    template = read(data, _TEMPLATE, parse_log_template, parse_log_template(DEFAULT_TEMPLATE))
    if enabled and not template:
        raise ConfigError(
            f"logging.enable-request-log was set to true, but no {_TEMPLATE} was specified",
            key=_TEMPLATE,
        )
    return ObservabilityConfig(
        data.get("logging.revision-url-template", ""),
        template if enabled else (),
        as_bool(data, "logging.enable-probe-request-log", False),
    )
