"""Users' kinds: a CustomResourceDefinition is served the moment it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import structlog
from pydantic import ConfigDict

from wakeful.apimachinery.errors import ForbiddenError
from wakeful.apimachinery.jsonpath import JSONPathError, compile_path
from wakeful.apimachinery.meta import GroupVersionKind, Object
from wakeful.apimachinery.scheme import AGE, Column, Resource, ScalePaths
from wakeful.apimachinery.structural import StructuralSchema
from wakeful.apis.apiextensions import (
    CustomResourceDefinition,
    CustomResourceDefinitionVersion,
    accept,
)
from wakeful.apis.apiextensions.crd_types import CustomResourceSubresourceScale
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.apiserver.registry.served import Served, ServedResources
from wakeful.storage import Key, Record, Store

log = structlog.get_logger("wakeful.apiserver.definitions")

DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class CustomObject(Object):
    """An object of a user's kind: typed metadata, everything else as it came."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


def model_of(gvk: GroupVersionKind) -> type[CustomObject]:
    """A model class for a kind nobody wrote one for."""
    return type(gvk.kind, (CustomObject,), {"gvk": gvk, "__module__": __name__})


def served_versions(definition: CustomResourceDefinition) -> list[Served]:
    """Every served version of a user's kind, the stored one first."""
    spec = definition.spec
    storage = next((v for v in spec.versions if v.storage), None)
    if storage is None:
        return []
    hub = GroupVersionKind(spec.group, storage.name, spec.names.kind)
    base = Resource(
        model_of(hub),
        spec.names.plural,
        singular=spec.names.singular,
        short_names=tuple(spec.names.short_names),
        categories=tuple(spec.names.categories),
        namespaced=spec.scope == "Namespaced",
    )
    versions = sorted((v for v in spec.versions if v.served), key=lambda v: not v.storage)
    preserve = spec.preserve_unknown_fields
    return [_served(base, hub, version, preserve=preserve) for version in versions]


def _served(
    base: Resource,
    hub: GroupVersionKind,
    version: CustomResourceDefinitionVersion,
    *,
    preserve: bool,
) -> Served:
    below = version.subresources
    scale = below.scale if below is not None else None
    resource = replace(
        base,
        has_status=below is not None and below.status is not None,
        scale=_scale(scale) if scale is not None else None,
        columns=_columns(version),
        fields={
            path.lstrip("."): path
            for field in version.selectable_fields
            if _is_path(path := field.get("jsonPath", ""))
        },
    )
    schema = version.schema_.open_apiv3_schema if version.schema_ is not None else None
    return Served(
        resource,
        replace(hub, version=version.name),
        deprecation=(version.deprecation_warning or "") if version.deprecated else "",
        schema=schema or {},
        structural=StructuralSchema(schema or {}, preserve_unknown=preserve),
    )


def _is_path(text: str) -> bool:
    """Whether a path can be followed; one that cannot leads nowhere."""
    try:
        compile_path(text)
    except JSONPathError:
        return False
    return bool(text)


def _scale(scale: CustomResourceSubresourceScale) -> ScalePaths | None:
    selector = scale.label_selector_path or ""
    if not _is_path(scale.spec_replicas_path) or not _is_path(scale.status_replicas_path):
        return None
    return ScalePaths(
        scale.spec_replicas_path,
        scale.status_replicas_path,
        selector if _is_path(selector) else "",
    )


def _columns(version: CustomResourceDefinitionVersion) -> tuple[Column, ...]:
    columns = [
        Column(
            column.name,
            column.json_path,
            column.type,
            column.format,
            column.description,
            wide=column.priority > 0,
        )
        for column in version.additional_printer_columns
        if _is_path(column.json_path)
    ]
    return tuple(columns) or (AGE,)


class Definitions:
    """Keeps the served resources in line with the stored definitions.

    ``delete_all`` deletes every object of a resource, as their owner's deletion demands.
    """

    def __init__(self, store: Store, resources: ServedResources) -> None:
        self._store, self._resources = store, resources
        self.delete_all: Callable[[Served], None] = lambda _served: None
        self.release: Callable[[Record, dict[str, Any]], None] = lambda _record, _wire: None
        self._emptying: set[tuple[str, str]] = set()
        """Kinds whose objects are being deleted: each that goes is no reason to begin again."""

    def load(self) -> None:
        """Serve what is stored already."""
        for record in self._store.list(*DEFINITIONS):
            self._serve(record.decode())

    def finish(self, request: AdmissionRequest) -> None:
        """Accept a valid definition: its kind is served as soon as it is stored."""
        definition = request.obj
        if not isinstance(definition, CustomResourceDefinition):
            return
        if request.old is None and not self._is_ours(definition):
            definition.metadata.finalizers.append(CLEANUP_FINALIZER)
        accept(definition, request.context.now)

    def guard(self, request: AdmissionRequest) -> None:
        """Refuse the deletion of kinds the platform is made of.

        Raises:
            ForbiddenError: It is one of them.
        """
        definition = request.old
        deleted = request.obj is None and isinstance(definition, CustomResourceDefinition)
        if deleted and self._is_ours(definition):
            raise ForbiddenError(
                f'customresourcedefinitions.apiextensions.k8s.io "{request.name}" is forbidden: the'
                " kind is part of the platform",
                details={"name": request.name, "group": DEFINITIONS[0], "kind": DEFINITIONS[1]},
            )

    def committed(self, resource: Resource, wire: dict[str, Any], gone: bool) -> None:
        """Follow a definition that was stored, and one that waits for its last object."""
        if resource.group_resource == DEFINITIONS:
            if gone:
                spec = wire["spec"]
                self._resources.set_dynamic(spec["group"], spec["names"]["plural"], [])
                return
            self._serve(wire)
            if "deletionTimestamp" in wire["metadata"]:
                self._clean_up(wire)
        elif gone and issubclass(resource.model, CustomObject):
            key = Key(*DEFINITIONS, "", f"{resource.plural}.{resource.group}")
            record = self._store.get(key)
            if record is not None:
                definition = record.decode()
                if "deletionTimestamp" in definition["metadata"]:
                    self._clean_up(definition)

    def _serve(self, wire: dict[str, Any]) -> None:
        definition = CustomResourceDefinition.model_validate(wire)
        group, plural = definition.spec.group, definition.spec.names.plural
        if not self._resources.is_fixed(group, plural):
            self._resources.set_dynamic(group, plural, served_versions(definition))

    def _clean_up(self, wire: dict[str, Any]) -> None:
        """Delete the objects of a kind that goes, then let its definition go."""
        spec = wire["spec"]
        group, plural = spec["group"], spec["names"]["plural"]
        served = next((s for s in self._resources if (s.group, s.plural) == (group, plural)), None)
        if (group, plural) in self._emptying:
            return
        if served is not None and self._store.count(group, plural):
            self._emptying.add((group, plural))
            try:
                self.delete_all(served)
            finally:
                self._emptying.discard((group, plural))
        if self._store.count(group, plural):
            return
        record = self._store.get(Key(*DEFINITIONS, "", wire["metadata"]["name"]))
        if record is None:
            return
        current = record.decode()
        finalizers = current["metadata"].get("finalizers") or []
        if CLEANUP_FINALIZER not in finalizers:
            return
        left = [f for f in finalizers if f != CLEANUP_FINALIZER]
        if left:
            current["metadata"]["finalizers"] = left
        else:
            del current["metadata"]["finalizers"]
        self.release(record, current)

    def _is_ours(self, definition: CustomResourceDefinition | Object | None) -> bool:
        assert isinstance(definition, CustomResourceDefinition)
        spec = definition.spec
        return self._resources.is_fixed(spec.group, spec.names.plural)
