"""Delta xDS: versioned resources, one stream's state, and the server that knows who has what.

Not for what the resources mean.
"""

from wakeful.gateway.xds.resources import (
    Changes,
    Resource,
    ResourceStore,
    ResourceType,
    make_resource,
)
from wakeful.gateway.xds.server import AdsServer, NackError, PushTimeoutError
from wakeful.gateway.xds.stream import DeltaStream

__all__ = [
    "AdsServer",
    "Changes",
    "DeltaStream",
    "NackError",
    "PushTimeoutError",
    "Resource",
    "ResourceStore",
    "ResourceType",
    "make_resource",
]
