"""What kind of channel to make when one is needed."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.fields import FieldErrors, missing_field
from wakeful.apimachinery.meta import APIModel, GroupVersionKind


class ChannelTemplateSpec(APIModel):
    """A kind, and the spec its objects get."""

    api_version: str = ""
    kind: str = ""
    spec: dict[str, Any] | None = None

    @property
    def gvk(self) -> GroupVersionKind:
        """The kind to make."""
        return GroupVersionKind.parse(self.api_version, self.kind)


def validate_channel_template(template: ChannelTemplateSpec | None) -> FieldErrors:
    """Faults, with paths below the spec that has the template."""
    if template is None:
        return [missing_field("channelTemplate")]
    wanted = (("apiVersion", template.api_version), ("kind", template.kind))
    return [missing_field(f"channelTemplate.{name}") for name, value in wanted if not value]
