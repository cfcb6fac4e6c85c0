"""How roles and bindings are served."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.scheme import AGE, Column, Resource
from wakeful.apis.core.cells import CREATED_AT, Cell, Wire, dig
from wakeful.apis.rbac import role_rules as rules
from wakeful.apis.rbac.role_types import ClusterRole, ClusterRoleBinding, Role, RoleBinding


def _role(obj: Wire, now: datetime) -> str:
    return f"{dig(obj, 'roleRef', 'kind', default='')}/{dig(obj, 'roleRef', 'name', default='')}"


def _subjects(kind: str) -> Cell:
    def cell(obj: Wire, now: datetime) -> str:
        return ", ".join(
            f"{s['namespace']}/{s.get('name', '')}" if s.get("namespace") else s.get("name", "")
            for s in obj.get("subjects") or ()
            if s.get("kind") == kind
        )

    return cell


_BINDING_COLUMNS = (
    Column("Role", _role),
    AGE,
    Column("Users", _subjects(rules.USER), wide=True),
    Column("Groups", _subjects(rules.USER_GROUP), wide=True),
    Column("ServiceAccounts", _subjects(rules.SERVICE_ACCOUNT), wide=True),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(Role, "roles", columns=(CREATED_AT,), validate=rules.validate_role, custom=False),
    Resource(
        ClusterRole,
        "clusterroles",
        namespaced=False,
        columns=(CREATED_AT,),
        validate=rules.validate_role,
        custom=False,
    ),
    Resource(
        RoleBinding,
        "rolebindings",
        columns=_BINDING_COLUMNS,
        set_defaults=rules.set_binding_defaults,
        validate=rules.validate_binding,
        custom=False,
    ),
    Resource(
        ClusterRoleBinding,
        "clusterrolebindings",
        namespaced=False,
        columns=_BINDING_COLUMNS,
        set_defaults=rules.set_binding_defaults,
        validate=rules.validate_binding,
        custom=False,
    ),
)
