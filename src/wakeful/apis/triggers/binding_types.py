"""TriggerBinding: which parts of a request become parameters."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.triggers.register import GROUP


class BindingParam(APIModel):
    """One parameter; the value may hold ``$(body.x)``, ``$(header.X)`` and so on."""

    name: str = ""
    value: str = ""


class TriggerBindingSpec(APIModel):
    """The parameters."""

    params: list[BindingParam] = Field(default_factory=list)


class TriggerBinding(Object):
    """A set of parameters that triggers of the namespace share."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "TriggerBinding")

    spec: TriggerBindingSpec = Field(default_factory=TriggerBindingSpec)


class ClusterTriggerBinding(Object):
    """A set of parameters that all triggers share."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "ClusterTriggerBinding")

    spec: TriggerBindingSpec = Field(default_factory=TriggerBindingSpec)
