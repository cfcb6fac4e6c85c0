"""Nobody grants what they do not hold: the check of every write to roles and bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import orjson

from wakeful.apimachinery.errors import ForbiddenError, qualified
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import SYSTEM_MASTERS
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.apiserver.auth.authorizer import RBACAuthorizer
from wakeful.apiserver.auth.index import GROUP, Binding, RoleIndex
from wakeful.apiserver.auth.rules import ALL, Rule
from wakeful.apiserver.protocols import AccessAttributes

_EVERYTHING = (
    Rule(frozenset({ALL}), frozenset({ALL}), frozenset({ALL})),
    Rule(frozenset({ALL}), paths=frozenset({ALL})),
)


class EscalationGuard:
    """An admission hook: refuses roles and bindings that give more than their writer has.

    The verbs ``escalate`` (on roles) and ``bind`` (on the role a binding names) lift the rule.
    """

    def __init__(self, index: Callable[[], RoleIndex]) -> None:
        self._index = index
        self._authorizer = RBACAuthorizer(index)

    def __call__(self, request: AdmissionRequest) -> None:
        """Check one write.

        Raises:
            ForbiddenError: It grants what the writer does not hold.
        """
        if request.resource.group != GROUP or request.obj is None:
            return
        if SYSTEM_MASTERS in request.user.groups:
            return
        new = request.obj.to_wire()
        if request.old is not None and _granted(request.old) == _granted(request.obj):
            return
        if request.resource.kind.endswith("Binding"):
            rules, verb, role = self._rules_of_binding(request, new)
        else:
            rules, verb, role = _rules_of_role(new), "escalate", request.name
        if rules and not self._may(request, verb, role, new):
            self._require(request, rules)

    def _rules_of_binding(
        self, request: AdmissionRequest, wire: Mapping[str, Any]
    ) -> tuple[tuple[Rule, ...], str, str]:
        reference = wire.get("roleRef") or {}
        kind, name = reference.get("kind", ""), reference.get("name", "")
        binding = Binding(request.namespace, request.name, kind, name, ())
        rules = self._index().rules_of(binding)
        # A role that does not exist yet may grant anything later.
        return (_EVERYTHING if rules is None else rules), "bind", name

    def _may(
        self, request: AdmissionRequest, verb: str, role: str, wire: Mapping[str, Any]
    ) -> bool:
        resource = request.resource.plural
        if verb == "bind":
            cluster = (wire.get("roleRef") or {}).get("kind") == "ClusterRole"
            resource = "clusterroles" if cluster else "roles"
        attributes = AccessAttributes(
            verb, GROUP, "v1", resource, namespace=request.namespace, name=role
        )
        return self._authorizer.authorize(request.user, attributes).allowed

    def _require(self, request: AdmissionRequest, rules: Iterable[Rule]) -> None:
        index = self._index()
        held = [
            rule
            for binding, _ in index.bindings_of(request.user, request.namespace)
            for rule in index.rules_of(binding) or ()
        ]
        missing = [r for r in rules if not all(_covered(part, held) for part in _parts(r))]
        if not missing:
            return
        groups = orjson.dumps(list(request.user.groups)).decode()
        lines = "\n".join(orjson.dumps(rule.to_review()).decode() for rule in missing)
        plural = qualified(request.resource.plural, GROUP)
        raise ForbiddenError(
            f'{plural} "{request.name}" is forbidden: user "{request.user.name}" (groups={groups})'
            f" is attempting to grant RBAC permissions not currently held:\n{lines}",
            details={"name": request.name, "group": GROUP, "kind": request.resource.plural},
        )


def _granted(obj: Object) -> dict[str, Any]:
    """What of a role or binding decides over permissions."""
    wire = obj.to_wire()
    return {k: wire.get(k) for k in ("rules", "aggregationRule", "roleRef", "subjects")}


def _rules_of_role(wire: Mapping[str, Any]) -> tuple[Rule, ...]:
    if wire.get("aggregationRule"):
        return _EVERYTHING  # what it will collect is not known yet
    return tuple(Rule.parse(rule) for rule in wire.get("rules") or ())


def _parts(rule: Rule) -> Iterator[AccessAttributes]:
    """Every single permission a rule is made of."""
    for verb, path in product(rule.verbs, rule.paths):
        yield AccessAttributes(verb, path=path)
    names = rule.names or {""}
    for verb, group, resource, name in product(rule.verbs, rule.groups, rule.resources, names):
        plural, _, subresource = resource.partition("/")
        yield AccessAttributes(verb, group, resource=plural, subresource=subresource, name=name)


def _covered(part: AccessAttributes, held: Iterable[Rule]) -> bool:
    return any(rule.allows(part) for rule in held)
