"""Trigger: interceptors that let a request pass, bindings that read it, a template to fill."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.triggers.register import GROUP
from wakeful.apis.triggers.template_types import TriggerTemplateSpec


class TriggerBindingRef(APIModel):
    """A binding by reference, or one parameter in place."""

    name: str = ""
    value: str | None = None
    ref: str = ""
    kind: str = ""
    """``TriggerBinding`` or ``ClusterTriggerBinding``."""
    api_version: str = Field(default="", alias="apiversion")


class TriggerTemplateRef(APIModel):
    """A template by reference or in place."""

    ref: str | None = None
    api_version: str = Field(default="", alias="apiversion")
    spec: TriggerTemplateSpec | None = None


class InterceptorRef(APIModel):
    """Which interceptor: one of the built-in ones, or an Interceptor object."""

    name: str = ""
    kind: str = ""
    api_version: str = ""


class InterceptorParam(APIModel):
    """What an interceptor is told; any JSON."""

    name: str = ""
    value: Any = None


class WebhookHeader(APIModel):
    """A header to send along; values are strings or lists of them."""

    name: str = ""
    value: Any = None


class WebhookInterceptor(APIModel):
    """The old way: a service that answers with the body to go on with."""

    object_ref: ObjectReference | None = None
    url: str = ""
    header: list[WebhookHeader] = Field(default_factory=list)


class TriggerInterceptor(APIModel):
    """One step that a request has to pass."""

    name: str | None = None
    ref: InterceptorRef = Field(default_factory=InterceptorRef)
    params: list[InterceptorParam] = Field(default_factory=list)
    webhook: WebhookInterceptor | None = None

    def param(self, name: str) -> Any:
        """The value of a parameter; None without it."""
        return next((param.value for param in self.params if param.name == name), None)


class TriggerSpec(APIModel):
    """What to do with a request."""

    name: str = ""
    bindings: list[TriggerBindingRef] = Field(default_factory=list)
    template: TriggerTemplateRef = Field(default_factory=TriggerTemplateRef)
    interceptors: list[TriggerInterceptor] = Field(default_factory=list)
    service_account_name: str = ""


class Trigger(Object):
    """A trigger that listeners of any kind may refer to."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "Trigger")

    spec: TriggerSpec = Field(default_factory=TriggerSpec)
