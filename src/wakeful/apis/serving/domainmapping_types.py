"""DomainMapping: a host name of one's own for anything addressable."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import KReference
from wakeful.apis.serving import register
from wakeful.apis.serving.domainmapping_lifecycle import DomainMappingStatus


class SecretTLS(APIModel):
    """A certificate the user brings."""

    secret_name: str = ""


class DomainMappingSpec(APIModel):
    """What the domain stands for."""

    ref: KReference = Field(default_factory=KReference)
    tls: SecretTLS | None = None


class DomainMapping(KResource[DomainMappingSpec, DomainMappingStatus]):
    """The domain is the object's name."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1beta1", "DomainMapping")

    spec: DomainMappingSpec = Field(default_factory=DomainMappingSpec)
    status: DomainMappingStatus = Field(default_factory=DomainMappingStatus)
