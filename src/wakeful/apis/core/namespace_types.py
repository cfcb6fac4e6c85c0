"""Namespace: a room for names."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time

KUBERNETES_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"
ACTIVE, TERMINATING = "Active", "Terminating"


class NamespaceSpec(APIModel):
    """Finalizers hold a namespace until its content is gone; only ``/finalize`` changes them."""

    finalizers: list[str] = Field(default_factory=list)


class NamespaceCondition(APIModel):
    """How the deletion of the content goes."""

    type: str = ""
    status: str = ""
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NamespaceStatus(APIModel):
    """``Active``, or ``Terminating`` with conditions that say what is left."""

    phase: str = ""
    conditions: list[NamespaceCondition] = Field(default_factory=list)


class Namespace(KResource[NamespaceSpec, NamespaceStatus]):
    """A room for names; its deletion deletes everything in it."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Namespace")

    spec: NamespaceSpec = Field(default_factory=NamespaceSpec)
    status: NamespaceStatus = Field(default_factory=NamespaceStatus)
