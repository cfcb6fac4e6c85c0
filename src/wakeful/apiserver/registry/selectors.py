"""Which objects of a collection a request is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.jsonpath import JSONPath, compile_path
from wakeful.apimachinery.labels import (
    EVERYTHING,
    Requirement,
    Selector,
    parse_field_selector,
    parse_selector,
)
from wakeful.apimachinery.scheme import Resource
from wakeful.apimachinery.tables import cell_text

_METADATA = {"metadata.name": "name", "metadata.namespace": "namespace"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Labels and fields an object must have; ``name`` is set when only one name can match."""

    labels: Selector = EVERYTHING
    fields: tuple[tuple[Requirement, JSONPath | None], ...] = ()
    name: str = ""

    def __bool__(self) -> bool:
        return bool(self.labels) or bool(self.fields)

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is meant."""
        metadata = obj["metadata"]
        if self.labels and not self.labels.matches(metadata.get("labels") or {}):
            return False
        return all(_field_matches(term, path, obj) for term, path in self.fields)


def _field_matches(term: Requirement, path: JSONPath | None, obj: Mapping[str, Any]) -> bool:
    if path is None:
        value = obj["metadata"].get(_METADATA[term.key], "")
    else:
        found = path.first(obj)
        value = "" if found is None else cell_text(found)
    return (value in term.values) == (term.operator == "=")


def parse_selection(resource: Resource, params: Mapping[str, str]) -> Selection:
    """Read ``labelSelector`` and ``fieldSelector``.

    Raises:
        BadRequestError: One cannot be read, or names a field the kind does not offer.
    """
    labels = params.get("labelSelector", "")
    fields = params.get("fieldSelector", "")
    if not labels and not fields:
        return NOTHING_SELECTED
    terms = parse_field_selector(fields)
    name = ""
    compiled: list[tuple[Requirement, JSONPath | None]] = []
    for term in terms:
        if term.key in _METADATA:
            compiled.append((term, None))
            if term.key == "metadata.name" and term.operator == "=":
                (name,) = term.values
        elif term.key in resource.fields:
            compiled.append((term, compile_path(resource.fields[term.key])))
        else:
            raise BadRequestError(f"field label not supported: {term.key}")
    return Selection(parse_selector(labels), tuple(compiled), name)


NOTHING_SELECTED = Selection()
