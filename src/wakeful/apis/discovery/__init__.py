"""The discovery group: the pods behind services, in slices."""

from wakeful.apis.discovery.endpointslice_types import (
    RESOURCES,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    EndpointSlicePort,
)

__all__ = ["RESOURCES", "Endpoint", "EndpointConditions", "EndpointSlice", "EndpointSlicePort"]
