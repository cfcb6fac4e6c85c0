"""The discovery group: the pods behind services, in slices."""

from wakeful.apis.discovery.endpointslice_types import (
    RESOURCES,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    EndpointSlicePort,
)
from wakeful.apis.discovery.selectorless import make_selectorless_service

__all__ = [
    "RESOURCES",
    "Endpoint",
    "EndpointConditions",
    "EndpointSlice",
    "EndpointSlicePort",
    "make_selectorless_service",
]
