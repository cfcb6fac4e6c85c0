"""Configuration: the template of Revisions, and which of them are newest."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.serving import register
from wakeful.apis.serving.configuration_lifecycle import ConfigurationStatus
from wakeful.apis.serving.revision_types import RevisionTemplateSpec


class ConfigurationSpec(APIModel):
    """The template; a change of it makes a new Revision."""

    template: RevisionTemplateSpec = Field(default_factory=RevisionTemplateSpec)


class Configuration(KResource[ConfigurationSpec, ConfigurationStatus]):
    """Keeps making Revisions from the newest template."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Configuration")

    spec: ConfigurationSpec = Field(default_factory=ConfigurationSpec)
    status: ConfigurationStatus = Field(default_factory=ConfigurationStatus)

    @property
    def is_observed(self) -> bool:
        """Whether the status speaks of the newest generation."""
        return self.status.observed_generation == self.metadata.generation

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        return self.is_observed and ready is not None and ready.is_true
