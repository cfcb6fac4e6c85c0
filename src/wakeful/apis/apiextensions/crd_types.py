"""CustomResourceDefinition: a kind of the user's own."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time

NAMES_ACCEPTED, ESTABLISHED, TERMINATING = "NamesAccepted", "Established", "Terminating"


class CustomResourceDefinitionNames(APIModel):
    """How the kind is called."""

    plural: str = ""
    singular: str = ""
    short_names: list[str] = Field(default_factory=list)
    kind: str = ""
    list_kind: str = ""
    categories: list[str] = Field(default_factory=list)


class CustomResourceColumnDefinition(APIModel):
    """A column of ``kubectl get``."""

    name: str = ""
    type: str = ""
    format: str = ""
    description: str = ""
    priority: int = 0
    json_path: str = Field(default="", alias="jsonPath")


class CustomResourceSubresourceScale(APIModel):
    """Where ``/scale`` finds its numbers."""

    spec_replicas_path: str = ""
    status_replicas_path: str = ""
    label_selector_path: str | None = None


class CustomResourceSubresources(APIModel):
    """Which subresources the kind has."""

    status: dict[str, Any] | None = None
    scale: CustomResourceSubresourceScale | None = None


class CustomResourceValidation(APIModel):
    """The structural schema, kept as it was sent."""

    open_apiv3_schema: dict[str, Any] | None = Field(default=None, alias="openAPIV3Schema")


class CustomResourceDefinitionVersion(APIModel):
    """One version of the kind. ``served`` and ``storage`` are always sent."""

    name: str = ""
    served: bool | None = None
    storage: bool | None = None
    deprecated: bool = False
    deprecation_warning: str | None = None
    schema_: CustomResourceValidation | None = Field(default=None, alias="schema")
    subresources: CustomResourceSubresources | None = None
    additional_printer_columns: list[CustomResourceColumnDefinition] = Field(default_factory=list)
    selectable_fields: list[dict[str, str]] = Field(default_factory=list)


class DefinitionSpec(APIModel):
    """Names, scope and versions."""

    group: str = ""
    names: CustomResourceDefinitionNames = Field(default_factory=CustomResourceDefinitionNames)
    scope: str = ""
    versions: list[CustomResourceDefinitionVersion] = Field(default_factory=list)
    conversion: dict[str, Any] | None = None
    preserve_unknown_fields: bool = False


class CustomResourceDefinitionCondition(APIModel):
    """One observation about a definition."""

    type: str = ""
    status: str = ""
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class DefinitionStatus(APIModel):
    """Whether the kind is served."""

    conditions: list[CustomResourceDefinitionCondition] = Field(default_factory=list)
    accepted_names: CustomResourceDefinitionNames | None = None
    stored_versions: list[str] = Field(default_factory=list)

    def is_true(self, kind: str) -> bool:
        """Whether the condition of that type is True."""
        return any(c.type == kind and c.status == "True" for c in self.conditions)


class CustomResourceDefinition(KResource[DefinitionSpec, DefinitionStatus]):
    """A kind of the user's own."""

    gvk: ClassVar = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")

    spec: DefinitionSpec = Field(default_factory=DefinitionSpec)
    status: DefinitionStatus = Field(default_factory=DefinitionStatus)


def without_schemas(definition: CustomResourceDefinition) -> CustomResourceDefinition:
    """The definition but for what its objects look like, which is most of it."""
    versions = [v.model_copy(update={"schema_": None}) for v in definition.spec.versions]
    spec = definition.spec.model_copy(update={"versions": versions})
    return definition.model_copy(update={"spec": spec})
