"""Structural schemas: what a user's CustomResourceDefinition says about its objects.

A :class:`StructuralSchema` is compiled once from ``openAPIV3Schema``; it fills in defaults, drops
unknown fields and validates, with the messages of upstream. Nonsense in a schema is ignored here:
the definition's own validation refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.fields import (
    ErrorType,
    FieldErrors,
    required,
)
from wakeful.apimachinery.meta import ObjectMeta, deep_copy_json
from wakeful.apimachinery.pruning import prune as prune_by_model
from wakeful.apimachinery.structuralchecks import check_value
from wakeful.apimachinery.structuralnode import UNSET, Node, join_path, parse_schema

_ROOT = ("apiVersion", "kind", "metadata")


class StructuralSchema:
    """The schema of one version of a user's kind."""

    def __init__(self, schema: Mapping[str, Any], *, preserve_unknown: bool = False) -> None:
        self._root = parse_schema(schema)
        self._preserve = preserve_unknown

    def prune(self, obj: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return a copy without unknown fields, and their paths."""
        unknown: list[str] = []
        result: dict[str, Any] = {name: obj[name] for name in _ROOT if name in obj}
        if isinstance(obj.get("metadata"), Mapping):
            result["metadata"] = _prune_metadata(obj["metadata"], "metadata", unknown)
        body = {name: value for name, value in obj.items() if name not in _ROOT}
        if self._preserve:
            return result | body, unknown
        return result | _prune(self._root, body, "", unknown), unknown

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy in which absent fields have their defaults."""
        result: dict[str, Any] = _default(self._root, dict(obj))
        return result

    def validate(self, obj: Mapping[str, Any]) -> FieldErrors:
        """Every fault; what the platform itself checks about metadata is not repeated."""
        body = {name: value for name, value in obj.items() if name not in _ROOT}
        root = self._root
        absent = [name for name in root.required if name not in _ROOT and name not in body]
        errors = [required(name) for name in absent]
        for fault in check_value(root, body, ""):
            if fault.type is not ErrorType.REQUIRED or fault.paths[0] not in (*_ROOT, *absent):
                errors.append(fault)  # noqa: PERF401 - a comprehension would hide the rule
        return errors


# --- unknown fields -------------------------------------------------------------------------------


def _prune_metadata(metadata: Mapping[str, Any], path: str, unknown: list[str]) -> dict[str, Any]:
    pruned, gone = prune_by_model(ObjectMeta, metadata)
    unknown.extend(f"{path}.{name}" for name in gone)
    return pruned


def _prune(node: Node, value: Any, path: str, unknown: list[str]) -> Any:
    if isinstance(value, Mapping):
        return _prune_object(node, value, path, unknown)
    if isinstance(value, list) and node.items is not None:
        return [_prune(node.items, v, f"{path}[{i}]", unknown) for i, v in enumerate(value)]
    return value


def _prune_object(
    node: Node, value: Mapping[str, Any], path: str, unknown: list[str]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, member in value.items():
        where = join_path(path, name)
        child = node.properties.get(name)
        if node.embedded and name in _ROOT and child is None:
            is_metadata = name == "metadata" and isinstance(member, Mapping)
            kept[name] = _prune_metadata(member, where, unknown) if is_metadata else member
        elif child is not None:
            kept[name] = _prune(child, member, where, unknown)
        elif node.values is not None:
            kept[name] = _prune(node.values, member, where, unknown)
        elif node.preserve_unknown:
            kept[name] = member
        else:
            unknown.append(where)
    return kept


# --- defaults -------------------------------------------------------------------------------------


def _default(node: Node, value: Any) -> Any:
    if isinstance(value, dict):
        result = dict(value)
        for name, child in node.properties.items():
            # An explicit null asks for the default too, unless it is a value of its own.
            absent = name not in result or (result[name] is None and not child.nullable)
            if absent and child.default is not UNSET:
                result[name] = deep_copy_json(child.default)
        for name, member in result.items():
            inner = node.properties.get(name) or node.values
            if inner is not None:
                result[name] = _default(inner, member)
        return result
    if isinstance(value, list) and node.items is not None:
        return [_default(node.items, item) for item in value]
    return value


# --- validation -----------------------------------------------------------------------------------
