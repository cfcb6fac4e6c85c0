"""Which fields of a document a model does not know, and the document without them.

The structure of a model is read once. What a model leaves open (``dict[str, Any]``, ``Any``, a
model that allows extra fields) is never looked into.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from wakeful.apimachinery.meta import ObjectMeta

_TOLERATED: Mapping[str, frozenset[str]] = {
    ObjectMeta.__qualname__: frozenset({"selfLink", "clusterName"}),
}
"""Fields of old clients: dropped without a word."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What a value may contain: a model, or items of one structure, or (neither) anything."""

    model: type[BaseModel] | None = None
    items: Structure | None = None
    """Structure of list items."""
    values: Structure | None = None
    """Structure of map values."""

    @property
    def is_open(self) -> bool:
        """Nothing below is known, so nothing below is unknown."""
        return self.model is None and self.items is None and self.values is None


OPEN = Structure()


@cache
def members_of(model: type[BaseModel]) -> Mapping[str, Structure]:
    """Every field of a model by its name on the wire."""
    return {
        field.alias or name: structure_of(field.annotation)
        for name, field in model.model_fields.items()
    }


def structure_of(annotation: Any) -> Structure:
    """Read the structure out of a type annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return structure_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        options = [structure_of(a) for a in get_args(annotation) if a is not type(None)]
        return next((o for o in options if not o.is_open), OPEN)
    if origin in (list, set, frozenset, tuple):
        inner = structure_of(get_args(annotation)[0])
        return OPEN if inner.is_open else Structure(items=inner)
    if origin in (dict, Mapping, typing.Mapping):
        inner = structure_of(get_args(annotation)[1])
        return OPEN if inner.is_open else Structure(values=inner)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        closed = annotation.model_config.get("extra") != "allow"
        if closed and not issubclass(annotation, RootModel):
            return Structure(model=annotation)
    return OPEN


def prune(model: type[BaseModel], data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy without unknown fields, and their paths (``spec.containers[0].foo``)."""
    unknown: list[str] = []
    pruned = _prune(Structure(model=model), data, "", unknown)
    return pruned, unknown


def unknown_fields(model: type[BaseModel], data: Mapping[str, Any]) -> list[str]:
    """Return the paths of every field the model does not know, in document order."""
    return prune(model, data)[1]


def _prune(structure: Structure, value: Any, path: str, unknown: list[str]) -> Any:
    if isinstance(value, Mapping):
        if structure.model is not None:
            return _prune_model(structure.model, value, path, unknown)
        if structure.values is not None:
            inner = structure.values
            return {k: _prune(inner, v, f"{path}.{k}", unknown) for k, v in value.items()}
    elif isinstance(value, list) and structure.items is not None:
        inner = structure.items
        return [_prune(inner, v, f"{path}[{i}]", unknown) for i, v in enumerate(value)]
    return value


def _prune_model(
    model: type[BaseModel], value: Mapping[str, Any], path: str, unknown: list[str]
) -> dict[str, Any]:
    members = members_of(model)
    kept: dict[str, Any] = {}
    for name, member in value.items():
        structure = members.get(name)
        if structure is not None:
            where = f"{path}.{name}" if path else name
            kept[name] = member if structure.is_open else _prune(structure, member, where, unknown)
        elif name not in _TOLERATED.get(model.__qualname__, ()):
            unknown.append(f"{path}.{name}" if path else name)
    return kept
