"""Schemas of models, in the two dialects of Kubernetes: OpenAPI components, and CRDs.

Components refer to each other and carry how lists merge; a CRD's schema is structural: everything
is written out where it stands. Texts come from the docstrings of models and fields.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from wakeful.apimachinery.fielddocs import field_docs
from wakeful.apimachinery.meta import MicroTime, Object, Time
from wakeful.apimachinery.shapes import Shape

Schema = dict[str, Any]
Resolve = Callable[[type[BaseModel], Shape | None], Schema]
"""Turns a nested model into a reference to it, or into its schema."""

INT_OR_STRING: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}
FREE: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_TYPES: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    Time: {"type": "string", "format": "date-time"},
    MicroTime: {"type": "string", "format": "date-time"},
}


def schema_of_field(field: FieldInfo, text: str, shape: Shape | None, resolve: Resolve) -> Schema:
    """Schema of one field, with its description: its own, else ``text``."""
    schema = _schema_of(field.annotation, tuple(field.metadata), shape, resolve)
    if description := field.description or text:
        schema = {"description": _one_line(description)} | schema
    return schema | merge_extensions(shape)


def schema_of_members(model: type[BaseModel], shape: Shape | None, resolve: Resolve) -> Schema:
    """``type``, ``description`` and ``properties`` of a model."""
    schema: Schema = {"type": "object"}
    description = describe(model)
    if description:
        schema = {"description": description} | schema
    texts = field_docs(model)
    properties = {
        field.alias or name: schema_of_field(
            field,
            texts.get(name, ""),
            shape.member(field.alias or name) if shape else None,
            resolve,
        )
        for name, field in model.model_fields.items()
    }
    if issubclass(model, Object):
        properties["apiVersion"] = {"description": _API_VERSION, "type": "string"}
        properties["kind"] = {"description": _KIND, "type": "string"}
    if properties:
        schema["properties"] = dict(sorted(properties.items()))
    required = [f.alias or n for n, f in model.model_fields.items() if f.is_required()]
    if required:
        schema["required"] = sorted(required)
    if model.model_config.get("extra") == "allow":
        schema |= FREE
    return schema


_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object, such as v1."
)
_KIND = "Kind is the REST resource this object represents, in CamelCase."


def describe(model: type[BaseModel]) -> str:
    """The model's own docstring, on one line."""
    own = model.__dict__.get("__doc__") or ""
    return _one_line(inspect.cleandoc(own))


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "").split())


def _schema_of(
    annotation: Any, metadata: tuple[Any, ...], shape: Shape | None, resolve: Resolve
) -> Schema:
    for item in metadata:
        if isinstance(item, WithJsonSchema):
            return _given(item.json_schema or {})
    if annotation in _TYPES:
        return _constrained(_scalar(annotation, metadata), metadata)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extra = get_args(annotation)
        return _schema_of(inner, (*extra, *metadata), shape, resolve)
    if origin in (Union, types.UnionType):
        return _union(annotation, metadata, shape, resolve)
    if origin is Literal:
        return {"type": "string", "enum": [str(v) for v in get_args(annotation)]}
    if origin in (list, set, frozenset, tuple):
        items = _schema_of(
            get_args(annotation)[0], (), shape.items if shape is not None else None, resolve
        )
        return _constrained({"type": "array", "items": items}, metadata, "Items")
    if origin is dict or origin is Mapping:
        values = _schema_of(
            get_args(annotation)[1], (), shape.values if shape is not None else None, resolve
        )
        if values == FREE:
            return {"type": "object"} | FREE
        return {"type": "object", "additionalProperties": values}
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return resolve(annotation, shape)
        if issubclass(annotation, Enum):
            return {"type": "string", "enum": [str(v.value) for v in annotation]}
        for base, schema in _TYPES.items():
            if isinstance(base, type) and issubclass(annotation, base):
                return dict(schema)
    return dict(FREE)


def _given(schema: Mapping[str, Any]) -> Schema:
    if schema.get("x-kubernetes-int-or-string"):
        return dict(INT_OR_STRING)
    return dict(schema)


def _scalar(annotation: Any, metadata: tuple[Any, ...]) -> Schema:
    """Text that is also accepted as a number is int-or-string."""
    if annotation is str:
        for item in metadata:
            accepted = getattr(item, "json_schema_input_type", None)
            if isinstance(item, BeforeValidator) and {int, float} & set(get_args(accepted)):
                return dict(INT_OR_STRING)
    return dict(_TYPES[annotation])


def _union(
    annotation: Any, metadata: tuple[Any, ...], shape: Shape | None, resolve: Resolve
) -> Schema:
    options = [a for a in get_args(annotation) if a is not type(None)]
    if len(options) == 1:
        return _schema_of(options[0], metadata, shape, resolve)
    if set(options) == {int, str}:
        return dict(INT_OR_STRING)
    return dict(FREE)


def _constrained(schema: Schema, metadata: tuple[Any, ...], what: str = "Length") -> Schema:
    for item in metadata:
        match item:
            case annotated_types.Ge(ge):
                schema["minimum"] = ge
            case annotated_types.Gt(gt):
                schema |= {"minimum": gt, "exclusiveMinimum": True}
            case annotated_types.Le(le):
                schema["maximum"] = le
            case annotated_types.Lt(lt):
                schema |= {"maximum": lt, "exclusiveMaximum": True}
            case annotated_types.MinLen(least):
                schema[f"min{what}"] = least
            case annotated_types.MaxLen(most):
                schema[f"max{what}"] = most
            case _ if isinstance(pattern := getattr(item, "pattern", None), str):
                schema["pattern"] = pattern
    return schema


def merge_extensions(shape: Shape | None) -> Schema:
    """``x-kubernetes-…`` members that tell clients how a field merges."""
    if shape is None:
        return {}
    extensions: Schema = {}
    strategies = []
    if shape.merge_key or shape.merged_set:
        strategies.append("merge")
    if shape.retain_keys or (shape.items is not None and shape.items.retain_keys):
        strategies.append("retainKeys")
    if strategies:
        extensions["x-kubernetes-patch-strategy"] = ",".join(strategies)
    if shape.merge_key:
        extensions["x-kubernetes-patch-merge-key"] = shape.merge_key
    if shape.list_type != "atomic":
        extensions["x-kubernetes-list-type"] = shape.list_type
    if shape.keys:
        extensions["x-kubernetes-list-map-keys"] = list(shape.keys)
    if shape.atomic:
        extensions["x-kubernetes-map-type"] = "atomic"
    return extensions


def structural_schema(model: type[Object]) -> Schema:
    """The ``openAPIV3Schema`` of a kind, everything written out.

    A model inside itself is left open where it repeats.
    """

    def inline(above: tuple[type[BaseModel], ...]) -> Resolve:
        def resolve(inner: type[BaseModel], shape: Shape | None) -> Schema:
            del shape
            if inner in above:
                return {"type": "object"} | FREE
            return schema_of_members(inner, None, inline((*above, inner)))

        return resolve

    schema = schema_of_members(model, None, inline((model,)))
    schema["properties"]["metadata"] = {"type": "object"}
    return schema
