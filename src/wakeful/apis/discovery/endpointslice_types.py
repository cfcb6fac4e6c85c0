"""EndpointSlice: addresses behind a service, and whether they are ready."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, required
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import UNSET, Wire, joined
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.core.rules import validate_choice, validate_immutable

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
_SHOWN = 3


class EndpointConditions(APIModel):
    """None counts as ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(APIModel):
    """One pod, by address."""

    addresses: list[str] = Field(default_factory=list)
    conditions: EndpointConditions = Field(default_factory=EndpointConditions)
    hostname: str | None = None
    target_ref: ObjectReference | None = None
    node_name: str | None = None
    zone: str | None = None
    deprecated_topology: dict[str, str] = Field(default_factory=dict)


class EndpointSlicePort(APIModel):
    """A port, named as in the service."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    app_protocol: str | None = None


class EndpointSlice(Object):
    """Addresses behind a service, and whether they are ready."""

    gvk: ClassVar = GroupVersionKind("discovery.k8s.io", "v1", "EndpointSlice")

    address_type: str = ""
    endpoints: list[Endpoint] = Field(default_factory=list)
    ports: list[EndpointSlicePort] = Field(default_factory=list)


def set_slice_defaults(new: EndpointSlice, old: Object | None, context: AdmissionContext) -> None:
    """A port is TCP and nameless unless it says otherwise."""
    for port in new.ports:
        port.name = port.name or ""
        port.protocol = port.protocol or "TCP"


def validate_slice(
    new: EndpointSlice, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The type of address is given and stays; every endpoint has an address."""
    kinds = ("FQDN", "IPv4", "IPv6")
    errors = validate_choice(new.address_type, kinds, "addressType")
    for index, endpoint in enumerate(new.endpoints):
        if not endpoint.addresses:
            detail = "must contain at least 1 address"
            errors.append(required(f"endpoints[{index}].addresses", detail))
    if isinstance(old, EndpointSlice):
        errors += validate_immutable(new.address_type, old.address_type, "addressType")
    return errors


def _ports(obj: Wire, now: datetime) -> str:
    ports = obj.get("ports") or ()
    if not ports:
        return UNSET
    return _shortened([str(p.get("port", "*")) for p in ports])


def _endpoints(obj: Wire, now: datetime) -> str:
    found = [a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]
    return _shortened(found) if found else UNSET


def _shortened(values: list[str]) -> str:
    if len(values) > _SHOWN:
        return f"{','.join(values[:_SHOWN])} + {len(values) - _SHOWN} more..."
    return joined(values)


RESOURCES: tuple[Resource, ...] = (
    Resource(
        EndpointSlice,
        "endpointslices",
        columns=(
            Column("AddressType", ".addressType"),
            Column("Ports", _ports),
            Column("Endpoints", _endpoints),
            AGE,
        ),
        set_defaults=set_slice_defaults,
        validate=validate_slice,
        custom=False,
    ),
)
