"""Role-based access control: rules only ever allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wakeful.apimachinery.request import SYSTEM_MASTERS, UserInfo
from wakeful.apiserver.auth.index import Binding, RoleIndex, Subject
from wakeful.apiserver.protocols import AccessAttributes, Decision


class RBACAuthorizer:
    """Decides by roles and bindings; members of ``system:masters`` may do everything.

    ``index`` is asked anew for every decision.
    """

    def __init__(self, index: Callable[[], RoleIndex]) -> None:
        self._index = index

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        """Decide; the reason names the binding that allows, or a role that is missing."""
        if SYSTEM_MASTERS in user.groups:
            return Decision(allowed=True)
        index = self._index()
        missing: list[str] = []
        for binding, subject in index.bindings_of(user, attributes.namespace):
            rules = index.rules_of(binding)
            if rules is None:
                missing.append(_missing(binding))
            elif any(rule.allows(attributes) for rule in rules):
                return Decision(allowed=True, reason=_allowed_by(binding, subject))
        return Decision(allowed=False, reason=_faults(missing))

    def rules(
        self, user: UserInfo, namespace: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Resource and non-resource rules of ``SelfSubjectRulesReview``."""
        if SYSTEM_MASTERS in user.groups:
            return (
                [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            )
        index = self._index()
        found = dict.fromkeys(
            rule
            for binding, _ in index.bindings_of(user, namespace)
            for rule in index.rules_of(binding) or ()
            if not (rule.paths and binding.namespace)
        )
        return (
            [rule.to_review() for rule in found if not rule.paths],
            [rule.to_review() for rule in found if rule.paths],
        )


def _allowed_by(binding: Binding, subject: Subject) -> str:
    return f'RBAC: allowed by {binding} of {binding.role_kind} "{binding.role_name}" to {subject}'


def _missing(binding: Binding) -> str:
    return f'{binding.role_kind.lower()}.rbac.authorization.k8s.io "{binding.role_name}" not found'


def _faults(missing: list[str]) -> str:
    if not missing:
        return ""
    unique = list(dict.fromkeys(missing))
    return "RBAC: " + (unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
