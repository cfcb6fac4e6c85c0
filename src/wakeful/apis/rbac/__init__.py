"""Role-based access control: who may do what."""

from wakeful.apis.rbac.resources import RESOURCES
from wakeful.apis.rbac.role_types import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

__all__ = [
    "RESOURCES",
    "ClusterRole",
    "ClusterRoleBinding",
    "PolicyRule",
    "Role",
    "RoleBinding",
    "RoleRef",
    "Subject",
]
