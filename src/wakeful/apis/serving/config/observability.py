"""``config-observability``: where the logs of a Revision are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObservabilityConfig:
    """The one key that shows in a status."""

    revision_url_template: str = ""

    def log_url(self, revision_uid: str) -> str:
        """The address for one Revision; empty when nobody configured one."""
        return self.revision_url_template.replace("${REVISION_UID}", revision_uid)


def parse_observability(data: Mapping[str, str]) -> ObservabilityConfig:
    """Read the map."""
    return ObservabilityConfig(data.get("logging.revision-url-template", ""))
