"""TriggerTemplate: which objects are made of the parameters."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.triggers.register import GROUP


class TemplateParam(APIModel):
    """A parameter that the objects use as ``$(tt.params.NAME)``."""

    name: str = ""
    description: str = ""
    default: str | None = None


class TriggerTemplateSpec(APIModel):
    """Parameters and objects."""

    params: list[TemplateParam] = Field(default_factory=list)
    resource_templates: list[dict[str, Any]] = Field(
        default_factory=list, alias="resourcetemplates"
    )


class TriggerTemplate(Object):
    """What is created for a request."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "TriggerTemplate")

    spec: TriggerTemplateSpec = Field(default_factory=TriggerTemplateSpec)
