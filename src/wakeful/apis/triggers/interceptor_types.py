"""Interceptors of users' own: a service that is asked about each request."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import Addressable
from wakeful.apis.triggers.register import GROUP


class ServiceReference(APIModel):
    """A Service, and where to ask there."""

    name: str = ""
    namespace: str = ""
    path: str = ""
    port: int | None = None


class ClientConfig(APIModel):
    """Where the interceptor is."""

    url: str | None = None
    service: ServiceReference | None = None
    ca_bundle: str = ""


class InterceptorSpec(APIModel):
    """How it is reached."""

    client_config: ClientConfig = Field(default_factory=ClientConfig)


class InterceptorStatus(ConditionedStatus):
    """Where it was found."""

    address: Addressable | None = None


class ClusterInterceptor(KResource[InterceptorSpec, InterceptorStatus]):
    """An interceptor for every namespace."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "ClusterInterceptor")

    spec: InterceptorSpec = Field(default_factory=InterceptorSpec)
    status: InterceptorStatus = Field(default_factory=InterceptorStatus)


class Interceptor(KResource[InterceptorSpec, InterceptorStatus]):
    """An interceptor for its own namespace."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "Interceptor")

    spec: InterceptorSpec = Field(default_factory=InterceptorSpec)
    status: InterceptorStatus = Field(default_factory=InterceptorStatus)
