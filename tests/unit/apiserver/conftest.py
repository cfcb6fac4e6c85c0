"""A small world of kinds, and a server over a memory store."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import Field

from wakeful.aio import ManualClock
from wakeful.apimachinery.fields import FieldError, invalid, missing_field
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, PatchType, UserInfo, Verb
from wakeful.apimachinery.scheme import (
    AGE,
    AdmissionContext,
    Column,
    Resource,
    ScalePaths,
    Scheme,
    ServedVersion,
)
from wakeful.apiserver import APIServer, InProcessTransport, Response
from wakeful.storage import MemoryStore

ADMIN = UserInfo("admin", (SYSTEM_MASTERS,))


class NamespaceSpec(APIModel):
    finalizers: list[str] = Field(default_factory=list)


class NamespaceStatus(APIModel):
    phase: str = ""


class Namespace(KResource[NamespaceSpec, NamespaceStatus]):
    gvk: ClassVar = GroupVersionKind("", "v1", "Namespace")
    spec: NamespaceSpec = Field(default_factory=NamespaceSpec)
    status: NamespaceStatus = Field(default_factory=NamespaceStatus)


class ConfigMap(Object):
    gvk: ClassVar = GroupVersionKind("", "v1", "ConfigMap")
    data: dict[str, str] = Field(default_factory=dict)


class PodSpec(APIModel):
    node_name: str = ""
    termination_grace_period_seconds: int | None = None


class PodStatus(APIModel):
    phase: str = ""


class Pod(KResource[PodSpec, PodStatus]):
    gvk: ClassVar = GroupVersionKind("", "v1", "Pod")
    spec: PodSpec = Field(default_factory=PodSpec)
    status: PodStatus = Field(default_factory=PodStatus)


class Part(APIModel):
    name: str = ""
    count: int | None = None


class WidgetSpec(APIModel):
    size: int | None = None
    replicas: int | None = None
    color: str = ""
    parts: list[Part] = Field(default_factory=list)


class WidgetStatus(APIModel):
    replicas: int = 0
    selector: str = ""
    ready: bool | None = None


class Widget(KResource[WidgetSpec, WidgetStatus]):
    gvk: ClassVar = GroupVersionKind("test.dev", "v1", "Widget")
    spec: WidgetSpec = Field(default_factory=WidgetSpec)
    status: WidgetStatus = Field(default_factory=WidgetStatus)


class Gadget(KResource[WidgetSpec, WidgetStatus]):
    gvk: ClassVar = GroupVersionKind("gadgets.dev", "v1", "Gadget")
    spec: WidgetSpec = Field(default_factory=WidgetSpec)
    status: WidgetStatus = Field(default_factory=WidgetStatus)


def set_defaults(widget: Any, old: Object | None, context: AdmissionContext) -> None:
    if widget.spec.color == "":
        widget.spec.color = "red"


def validate(widget: Any, old: Object | None, context: AdmissionContext) -> Sequence[FieldError]:
    if widget.spec.size is not None and widget.spec.size < 0:
        return [invalid("spec.size", widget.spec.size, "must be positive")]
    if widget.spec.color == "beige":
        context.warnings.append("beige is out of fashion")
    return []


def validate_gadget(
    gadget: Any, old: Object | None, context: AdmissionContext
) -> Sequence[FieldError]:
    return [] if gadget.spec.size is not None else [missing_field("spec.size")]


def from_alpha(obj: dict[str, Any]) -> dict[str, Any]:
    spec = dict(obj.get("spec") or {})
    if "length" in spec:
        spec["size"] = spec.pop("length")
    return obj | {"spec": spec}


def to_alpha(obj: dict[str, Any]) -> dict[str, Any]:
    spec = dict(obj.get("spec") or {})
    if "size" in spec:
        spec["length"] = spec.pop("size")
    return obj | {"spec": spec}


RESOURCES = (
    Resource(Namespace, "namespaces", namespaced=False, has_status=True, custom=False),
    Resource(ConfigMap, "configmaps", custom=False),
    Resource(
        Pod,
        "pods",
        has_status=True,
        custom=False,
        fields={"spec.nodeName": ".spec.nodeName", "status.phase": ".status.phase"},
    ),
    Resource(
        Widget,
        "widgets",
        singular="widget",
        short_names=("wd",),
        categories=("all",),
        has_status=True,
        scale=ScalePaths(label_selector=".status.selector"),
        columns=(Column("Size", ".spec.size", type="integer"), AGE),
        served_versions=(ServedVersion("v1alpha1", from_alpha, to_alpha, "v1alpha1 is old"),),
        set_defaults=set_defaults,
        validate=validate,
    ),
    Resource(
        Gadget, "gadgets", has_status=True, validate=validate_gadget, webhook="validation.gadgets"
    ),
)


class World:
    """A server and short ways to talk to it as an administrator."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.server = APIServer(self.store, Scheme(RESOURCES), clock=self.clock, **options)
        self.transport = InProcessTransport(self.server, ADMIN)

    async def ask(
        self,
        verb: Verb,
        resource: str = "widgets",
        name: str = "",
        body: Any = None,
        *,
        group: str | None = None,
        version: str = "v1",
        namespace: str = "default",
        sub: str = "",
        patch_type: PatchType | None = None,
        user: UserInfo = ADMIN,
        duplicates: Sequence[str] = (),
        **params: str,
    ) -> Response:
        groups = {"widgets": "test.dev", "gadgets": "gadgets.dev"}
        if group is None:
            group = groups.get(resource, "")
        request = APIRequest(
            verb,
            group,
            version,
            resource,
            "" if resource == "namespaces" else namespace,
            name,
            sub,
            body,
            patch_type,
            params,
        )
        return await self.server.handle(request, user, manager="tests", duplicates=duplicates)

    async def create(self, obj: dict[str, Any], **options: Any) -> dict[str, Any]:
        plural = obj["kind"].lower() + "s"
        return deepcopy((await self.ask(Verb.CREATE, plural, "", obj, **options)).object)

    async def get(self, resource: str, name: str, **options: Any) -> dict[str, Any]:
        return (await self.ask(Verb.GET, resource, name, **options)).object

    async def update(self, obj: dict[str, Any], **options: Any) -> dict[str, Any]:
        plural = obj["kind"].lower() + "s"
        name = obj["metadata"]["name"]
        return deepcopy((await self.ask(Verb.UPDATE, plural, name, obj, **options)).object)

    async def delete(self, resource: str, name: str, body: Any = None, **options: Any) -> Any:
        return deepcopy((await self.ask(Verb.DELETE, resource, name, body, **options)).object)

    async def tick(self, seconds: float = 60) -> None:
        await self.clock.advance(seconds)

    @property
    def later(self) -> str:
        return (self.clock.now() + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_widget(name: str = "w", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


def a_config_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    return world


@pytest.fixture
def widget() -> Any:
    return a_widget


@pytest.fixture
def config_map() -> Any:
    return a_config_map
