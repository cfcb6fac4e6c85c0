"""ServerlessService: one revision's place in the network, asleep or awake."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.networking.register import GROUP, VERSION
from wakeful.apis.networking.serverlessservice_lifecycle import ServerlessServiceStatus


class ServerlessServiceMode(StrEnum):
    """Whether requests pass the gate."""

    SERVE = "Serve"
    PROXY = "Proxy"


class ServiceType(StrEnum):
    """Value of the label that tells the two Services apart."""

    PUBLIC = "Public"
    PRIVATE = "Private"


class NetworkProtocol(StrEnum):
    """What instances speak."""

    HTTP1 = "http1"
    H2C = "h2c"


class ServerlessServiceSpec(APIModel):
    """Which workload serves, and how it is reached."""

    mode: str = ""
    object_ref: ObjectReference = Field(default_factory=ObjectReference)
    protocol_type: str = ""
    num_activators: int = 0
    """How many gates may share the revision; 0 is all of them."""


class ServerlessService(KResource[ServerlessServiceSpec, ServerlessServiceStatus]):
    """Gives a scalable workload a stable address that also answers while nobody runs."""

    gvk: ClassVar = GroupVersionKind(GROUP, VERSION, "ServerlessService")

    spec: ServerlessServiceSpec = Field(default_factory=ServerlessServiceSpec)
    status: ServerlessServiceStatus = Field(default_factory=ServerlessServiceStatus)

    @property
    def is_ready(self) -> bool:
        """Requests are answered as the newest generation asks."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true
