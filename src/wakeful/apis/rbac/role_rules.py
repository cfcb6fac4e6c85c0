"""Roles and bindings: what is filled in and what is refused."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid,
    not_supported,
    required,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.rules import first_of
from wakeful.apis.rbac.role_types import (
    GROUP,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

SERVICE_ACCOUNT, USER, USER_GROUP = "ServiceAccount", "User", "Group"


def set_binding_defaults(
    new: RoleBinding | ClusterRoleBinding, old: Object | None, context: AdmissionContext
) -> None:
    """Users, groups and roles belong to the access control group."""
    new.role_ref.api_group = new.role_ref.api_group or GROUP
    for subject in new.subjects:
        if not subject.api_group and subject.kind in (USER, USER_GROUP):
            subject.api_group = GROUP


def validate_role(
    new: Role | ClusterRole, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every rule has verbs, and resources or paths."""
    errors: FieldErrors = []
    for index, rule in enumerate(new.rules):
        errors += _validate_rule(rule, f"rules[{index}]", namespaced=isinstance(new, Role))
    return errors


def _validate_rule(rule: PolicyRule, path: str, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    if not rule.verbs:
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if rule.non_resource_urls:
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid(f"{path}.nonResourceURLs", rule.non_resource_urls, detail))
        if rule.api_groups or rule.resources or rule.resource_names:
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(f"{path}.nonResourceURLs", rule.non_resource_urls, detail))
        return errors
    if not rule.api_groups:
        detail = "resource rules must supply at least one api group"
        errors.append(required(f"{path}.apiGroups", detail))
    if not rule.resources:
        detail = "resource rules must supply at least one resource"
        errors.append(required(f"{path}.resources", detail))
    return errors


def validate_binding(
    new: RoleBinding | ClusterRoleBinding, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The role is named and stays the same; subjects are complete."""
    namespaced = isinstance(new, RoleBinding)
    errors = _validate_ref(new.role_ref, namespaced=namespaced)
    for index, subject in enumerate(new.subjects):
        errors += _validate_subject(subject, f"subjects[{index}]", namespaced=namespaced)
    if isinstance(old, RoleBinding | ClusterRoleBinding) and new.role_ref != old.role_ref:
        errors.append(invalid("roleRef", new.role_ref.to_wire(), "cannot change roleRef"))
    return errors


def _validate_ref(ref: RoleRef, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    if ref.api_group != GROUP:
        errors.append(not_supported("roleRef.apiGroup", ref.api_group, (GROUP,)))
    kinds = ("ClusterRole", "Role") if namespaced else ("ClusterRole",)
    if ref.kind not in kinds:
        errors.append(not_supported("roleRef.kind", ref.kind, kinds))
    if not ref.name:
        errors.append(required("roleRef.name"))
    else:
        errors += first_of(path_segment_faults(ref.name), "roleRef.name", ref.name)
    return errors


def _validate_subject(subject: Subject, path: str, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    if not subject.name:
        errors.append(required(f"{path}.name"))
    match subject.kind:
        case "ServiceAccount":
            if subject.name:
                faults = dns_subdomain_faults(subject.name)
                errors += first_of(faults, f"{path}.name", subject.name)
            if subject.api_group:
                errors.append(not_supported(f"{path}.apiGroup", subject.api_group, ("",)))
            if not subject.namespace and not namespaced:
                errors.append(required(f"{path}.namespace"))
        case "User" | "Group":
            if subject.api_group != GROUP:
                errors.append(not_supported(f"{path}.apiGroup", subject.api_group, (GROUP,)))
        case _:
            kinds = (SERVICE_ACCOUNT, USER, USER_GROUP)
            errors.append(not_supported(f"{path}.kind", subject.kind, kinds))
    return errors


def path_segment_faults(name: str) -> list[str]:
    """What keeps ``name`` from being one segment of a URL; colons are fine."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{c}'" for c in ("/", "%") if c in name]
