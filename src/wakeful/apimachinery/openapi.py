"""OpenAPI v3 documents: one for each group and version, as clients of Kubernetes read them.

kubectl looks for one ``patch`` operation of a kind with a ``fieldValidation`` parameter before it
writes, and for schemas when it explains.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from wakeful.apimachinery.meta import GroupVersionKind, Object, ObjectMeta
from wakeful.apimachinery.modelschema import Schema, schema_of_members
from wakeful.apimachinery.request import PatchType
from wakeful.apimachinery.shapes import Shape

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_GENERIC = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Described:
    """One kind in one version, to be described."""

    gvk: GroupVersionKind
    plural: str
    namespaced: bool = True
    model: type[Object] | None = None
    schema: Mapping[str, Any] | None = None
    """The structural schema of a user's kind, instead of a model."""
    shape: Shape | None = None
    """How values merge; only for kinds that take strategic merge patches."""
    verbs: Sequence[str] = ("create", "delete", "get", "list", "patch", "update", "watch")
    subresources: Sequence[str] = ()


def component_prefix(group: str, version: str) -> str:
    """What the names of a group's schemas begin with: ``dev.knative.serving.v1``."""
    if not group:
        return f"io.k8s.api.core.{version}"
    if group == "apiextensions.k8s.io":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}"
    first, _, domain = group.partition(".")
    if not domain or domain.endswith("k8s.io"):
        return f"io.k8s.api.{first}.{version}"
    return ".".join([*reversed(group.split(".")), version])


class OpenAPI:
    """Builds documents; knows which Python package holds which group's types."""

    def __init__(self, models: Iterable[type[Object]]) -> None:
        self._prefixes: dict[str, str] = {}
        for model in models:
            gvk = model.gvk
            package = model.__module__.rpartition(".")[0]
            self._prefixes.setdefault(package, component_prefix(gvk.group, gvk.version))

    def component_name(self, model: type[BaseModel]) -> str:
        """Name of a model's schema."""
        package = model.__module__.rpartition(".")[0]
        prefix = self._prefixes.get(package)
        if prefix is None:
            known = model is ObjectMeta or package.endswith("apimachinery")
            prefix = _META if known else f"dev.wakeful.{package.rpartition('.')[2]}"
        return f"{prefix}.{_GENERIC.sub('_', model.__name__).strip('_')}"

    def document(self, group: str, version: str, kinds: Iterable[Described]) -> dict[str, Any]:
        """Describe every kind of one group and version."""
        schemas: dict[str, Schema] = {}
        paths: dict[str, Any] = {}
        for kind in kinds:
            self._add_kind(schemas, kind)
            paths |= _paths(kind)
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1"},
            "paths": dict(sorted(paths.items())),
            "components": {"schemas": dict(sorted(schemas.items()))},
        }

    def _add_kind(self, schemas: dict[str, Schema], kind: Described) -> None:
        name = _kind_name(kind.gvk)
        if kind.model is not None:
            schema = self._members(schemas, kind.model, kind.shape)
        else:
            schema = _users_schema(kind.schema or {})
            self._refer(schemas, ObjectMeta, None)
            schema["properties"]["metadata"] = {
                "allOf": [{"$ref": _REF + self.component_name(ObjectMeta)}],
                "description": "Standard object metadata.",
            }
        schemas[name] = schema | {"x-kubernetes-group-version-kind": [_gvk(kind.gvk)]}
        schemas[f"{name}List"] = {
            "description": f"A list of {kind.gvk.kind}.",
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "items": {"type": "array", "items": {"$ref": _REF + name}},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
            },
            "x-kubernetes-group-version-kind": [
                _gvk(GroupVersionKind(kind.gvk.group, kind.gvk.version, f"{kind.gvk.kind}List"))
            ],
        }

    def _members(
        self, schemas: dict[str, Schema], model: type[BaseModel], shape: Shape | None
    ) -> Schema:
        return schema_of_members(
            model, shape, lambda inner, below: self._refer(schemas, inner, below)
        )

    def _refer(
        self, schemas: dict[str, Schema], model: type[BaseModel], shape: Shape | None
    ) -> Schema:
        name = self.component_name(model)
        if name not in schemas:
            schemas[name] = {}  # holds the place: a model may contain itself
            schemas[name] = self._members(schemas, model, shape)
        return {"allOf": [{"$ref": _REF + name}]}


def _kind_name(gvk: GroupVersionKind) -> str:
    return f"{component_prefix(gvk.group, gvk.version)}.{gvk.kind}"


def _gvk(gvk: GroupVersionKind) -> dict[str, str]:
    return {"group": gvk.group, "kind": gvk.kind, "version": gvk.version}


def _users_schema(schema: Mapping[str, Any]) -> Schema:
    properties = schema.get("properties")
    return {
        **schema,
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            **(properties if isinstance(properties, Mapping) else {}),
        },
    }


# --- operations -----------------------------------------------------------------------------------


def _parameter(name: str, kind: str = "string", where: str = "query") -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": where, "schema": {"type": kind}}
    if where == "path":
        parameter["required"] = True
    return parameter


_WRITE = [_parameter("dryRun"), _parameter("fieldManager"), _parameter("fieldValidation")]
_LIST = [
    _parameter("allowWatchBookmarks", "boolean"),
    _parameter("continue"),
    _parameter("fieldSelector"),
    _parameter("labelSelector"),
    _parameter("limit", "integer"),
    _parameter("resourceVersion"),
    _parameter("resourceVersionMatch"),
    _parameter("sendInitialEvents", "boolean"),
    _parameter("timeoutSeconds", "integer"),
    _parameter("watch", "boolean"),
]
_DELETE = [
    _parameter("dryRun"),
    _parameter("gracePeriodSeconds", "integer"),
    _parameter("propagationPolicy"),
]
_PARAMETERS: Mapping[str, list[dict[str, Any]]] = {
    "get": [],
    "list": _LIST,
    "post": _WRITE,
    "put": _WRITE,
    "patch": [*_WRITE, _parameter("force", "boolean")],
    "delete": _DELETE,
    "deletecollection": [*_LIST, *_DELETE],
}
_PATCH_TYPES = (PatchType.JSON, PatchType.MERGE, PatchType.APPLY)
"""Strategic merge is left out on purpose: kubectl then merges by the types it was compiled with,
instead of failing on members whose schema is open."""


def _operation(kind: Described, action: str, scope: str, suffix: str) -> dict[str, Any]:
    gvk, name = kind.gvk, _kind_name(kind.gvk)
    title = "".join(part[:1].upper() + part[1:] for part in re.split(r"[.\-]", gvk.group) if part)
    title = (title or "Core") + gvk.version.capitalize()
    returned = f"{name}List" if action == "list" else name
    operation: dict[str, Any] = {
        "tags": [title],
        "description": f"{action} {gvk.kind}{' ' + suffix if suffix else ''}",
        "operationId": f"{action}{title}{scope}{gvk.kind}{suffix.capitalize()}",
        "parameters": _PARAMETERS[action],
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"$ref": _REF + returned}}},
            }
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(gvk),
    }
    if action == "patch":
        operation["requestBody"] = {
            "content": {str(media): {"schema": {"type": "object"}} for media in _PATCH_TYPES}
        }
    elif action in ("post", "put"):
        operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": _REF + name}}}}
    return operation


def _paths(kind: Described) -> dict[str, Any]:
    gvk = kind.gvk
    root = f"/apis/{gvk.group}/{gvk.version}" if gvk.group else f"/api/{gvk.version}"
    scope = "Namespaced" if kind.namespaced else ""
    inside = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
    place = [_parameter("namespace", where="path")] if kind.namespaced else []
    verbs = set(kind.verbs)

    def item(operations: Iterable[tuple[str, str, str]], suffix: str = "") -> dict[str, Any]:
        return {
            method: _operation(kind, action, scope, suffix)
            for method, action, verb in operations
            if verb in verbs
        }

    on_list = (
        ("get", "list", "list"),
        ("post", "post", "create"),
        ("delete", "deletecollection", "deletecollection"),
    )
    on_one = (
        ("get", "get", "get"),
        ("put", "put", "update"),
        ("patch", "patch", "patch"),
        ("delete", "delete", "delete"),
    )
    paths = {f"{inside}/{kind.plural}": item(on_list) | {"parameters": place}}
    named = [*place, _parameter("name", where="path")]
    one = item(on_one)
    if one:
        paths[f"{inside}/{kind.plural}/{{name}}"] = one | {"parameters": named}
    for sub in kind.subresources:
        paths[f"{inside}/{kind.plural}/{{name}}/{sub}"] = item(on_one[:3], sub) | {
            "parameters": named
        }
    if kind.namespaced and "list" in verbs:
        everywhere = _operation(kind, "list", "", "")
        everywhere["operationId"] += "ForAllNamespaces"
        paths[f"{root}/{kind.plural}"] = {"get": everywhere}
    return paths


# --- the index ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """A document ready to be sent."""

    path: str
    """``api/v1`` or ``apis/group/version``."""
    body: bytes
    hash: str

    @classmethod
    def encode(cls, group: str, version: str, document: Mapping[str, Any]) -> Document:
        """Write a document and name it by its content."""
        body = orjson.dumps(document)
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        return cls(path, body, hashlib.sha256(body).hexdigest()[:64].upper())


def index(documents: Iterable[Document]) -> dict[str, Any]:
    """What ``/openapi/v3`` answers."""
    return {
        "paths": {
            d.path: {"serverRelativeURL": f"/openapi/v3/{d.path}?hash={d.hash}"} for d in documents
        }
    }
