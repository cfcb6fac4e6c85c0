"""Roles and the bindings that give them to subjects."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object

GROUP = "rbac.authorization.k8s.io"


class PolicyRule(APIModel):
    """Verbs on resources, or on paths that are no resources."""

    verbs: list[str] = Field(default_factory=list)
    api_groups: list[str] = Field(default_factory=list)
    resources: list[str] = Field(default_factory=list)
    resource_names: list[str] = Field(default_factory=list)
    non_resource_urls: list[str] = Field(default_factory=list, alias="nonResourceURLs")


class AggregationRule(APIModel):
    """Which cluster roles' rules this one collects."""

    cluster_role_selectors: list[LabelSelector] = Field(default_factory=list)


class Subject(APIModel):
    """A user, a group or a service account."""

    kind: str = ""
    api_group: str = ""
    name: str = ""
    namespace: str = ""


class RoleRef(APIModel):
    """The role a binding gives."""

    api_group: str = ""
    kind: str = ""
    name: str = ""


class Role(Object):
    """Permissions within a namespace."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Role")

    rules: list[PolicyRule] = Field(default_factory=list)


class ClusterRole(Object):
    """Permissions everywhere, or wherever a RoleBinding gives them."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "ClusterRole")

    rules: list[PolicyRule] = Field(default_factory=list)
    aggregation_rule: AggregationRule | None = None


class RoleBinding(Object):
    """Gives a role to subjects within a namespace."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "RoleBinding")

    subjects: list[Subject] = Field(default_factory=list)
    role_ref: RoleRef = Field(default_factory=RoleRef)


class ClusterRoleBinding(Object):
    """Gives a cluster role to subjects everywhere."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "ClusterRoleBinding")

    subjects: list[Subject] = Field(default_factory=list)
    role_ref: RoleRef = Field(default_factory=RoleRef)
