"""Roles and bindings in memory, arranged by whom they concern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.labels import LabelSelector, Selector
from wakeful.apimachinery.request import UserInfo
from wakeful.apiserver.auth.rules import Rule

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = "roles", "clusterroles"
ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS = "rolebindings", "clusterrolebindings"
PLURALS = (CLUSTER_ROLES, ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)
_SERVICE_ACCOUNT = "system:serviceaccount:"

SubjectKey = tuple[str, str]
"""``(User | Group, name)``; service accounts are users."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of a binding."""

    kind: str
    name: str
    namespace: str = ""

    @property
    def key(self) -> SubjectKey:
        """Under which users are looked up."""
        if self.kind == "ServiceAccount":
            return ("User", f"{_SERVICE_ACCOUNT}{self.namespace}:{self.name}")
        return (self.kind, self.name)

    def __str__(self) -> str:
        name = f"{self.name}/{self.namespace}" if self.namespace else self.name
        return f'{self.kind} "{name}"'


@dataclass(frozen=True, slots=True)
class Binding:
    """Gives a role to subjects, in one namespace or (empty) everywhere."""

    namespace: str
    name: str
    role_kind: str
    role_name: str
    subjects: tuple[Subject, ...]

    def __str__(self) -> str:
        if self.namespace:
            return f'RoleBinding "{self.name}/{self.namespace}"'
        return f'ClusterRoleBinding "{self.name}"'


@dataclass(frozen=True, slots=True)
class _Role:
    rules: tuple[Rule, ...]
    labels: Mapping[str, str]
    aggregates: tuple[Selector, ...] = ()


class RoleIndex:
    """Answers which rules concern a user.

    Objects are wire data; what is malformed grants nothing.
    """

    def __init__(self, objects: Iterable[Mapping[str, Any]] = ()) -> None:
        self._roles: dict[tuple[str, str], _Role] = {}
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._by_subject: dict[SubjectKey, dict[tuple[str, str], Subject]] = {}
        self._gathered: dict[tuple[str, str], tuple[Rule, ...]] = {}
        for obj in objects:
            self.put(obj)

    def put(self, obj: Mapping[str, Any]) -> None:
        """Add or replace a role or binding; other kinds are ignored."""
        metadata = obj.get("metadata") or {}
        key = (metadata.get("namespace") or "", metadata.get("name") or "")
        match obj.get("kind"):
            case "Role" | "ClusterRole":
                self._roles[key] = _parse_role(obj, metadata.get("labels") or {})
                self._gathered.clear()
            case "RoleBinding" | "ClusterRoleBinding":
                self._remove_binding(key)
                binding = _parse_binding(obj, key)
                self._bindings[key] = binding
                for subject in binding.subjects:
                    self._by_subject.setdefault(subject.key, {})[key] = subject
            case _:
                return

    def remove(self, obj: Mapping[str, Any]) -> None:
        """Forget a role or binding."""
        metadata = obj.get("metadata") or {}
        key = (metadata.get("namespace") or "", metadata.get("name") or "")
        if obj.get("kind") in ("Role", "ClusterRole"):
            self._roles.pop(key, None)
            self._gathered.clear()
        else:
            self._remove_binding(key)

    def clear(self) -> None:
        """Forget everything."""
        self._roles.clear()
        self._bindings.clear()
        self._by_subject.clear()
        self._gathered.clear()

    def bindings_of(self, user: UserInfo, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        """Bindings that concern a user: those for the whole cluster, then the namespace's."""
        keys: list[SubjectKey] = [("User", user.name)]
        keys += [("Group", group) for group in user.groups]
        found = [
            (self._bindings[place], subject)
            for key in keys
            for place, subject in self._by_subject.get(key, {}).items()
            if not place[0] or place[0] == namespace
        ]
        found.sort(key=lambda pair: pair[0].namespace != "")
        yield from found

    def rules_of(self, binding: Binding) -> tuple[Rule, ...] | None:
        """Rules of the role a binding gives; None when there is no such role."""
        cluster = binding.role_kind == "ClusterRole"
        key = ("" if cluster else binding.namespace, binding.role_name)
        if key not in self._roles:
            return None
        if key not in self._gathered:
            self._gathered[key] = tuple(dict.fromkeys(self._gather(key, set())))
        return self._gathered[key]

    def _gather(self, key: tuple[str, str], seen: set[tuple[str, str]]) -> Iterator[Rule]:
        """A role's own rules, and those of the roles it aggregates, which may aggregate others."""
        seen.add(key)
        role = self._roles[key]
        yield from role.rules
        if not role.aggregates:
            return
        for other_key, other in self._roles.items():
            if other_key[0] or other_key in seen:
                continue
            if any(selector.matches(other.labels) for selector in role.aggregates):
                yield from self._gather(other_key, seen)

    def _remove_binding(self, key: tuple[str, str]) -> None:
        binding = self._bindings.pop(key, None)
        for subject in binding.subjects if binding is not None else ():
            concerned = self._by_subject.get(subject.key)
            if concerned is not None:
                concerned.pop(key, None)
                if not concerned:
                    del self._by_subject[subject.key]


def _parse_role(obj: Mapping[str, Any], labels: Mapping[str, str]) -> _Role:
    aggregates: list[Selector] = []
    aggregation = obj.get("aggregationRule") or {}
    for selector in aggregation.get("clusterRoleSelectors") or ():
        try:
            aggregates.append(LabelSelector.from_wire(selector).to_selector())
        except (BadRequestError, ValueError):
            continue
    rules = tuple(Rule.parse(rule) for rule in obj.get("rules") or ())
    return _Role(rules, labels, tuple(aggregates))


def _parse_binding(obj: Mapping[str, Any], key: tuple[str, str]) -> Binding:
    reference = obj.get("roleRef") or {}
    namespace, name = key
    subjects = tuple(
        Subject(
            s.get("kind", ""),
            s.get("name", ""),
            s.get("namespace") or (namespace if s.get("kind") == "ServiceAccount" else ""),
        )
        for s in obj.get("subjects") or ()
    )  # an account without a namespace is one of the binding's own
    return Binding(namespace, name, reference.get("kind", ""), reference.get("name", ""), subjects)
