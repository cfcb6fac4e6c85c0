"""EventTransform: an address that answers events with what an expression makes of them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY, Condition, ConditionManager, ConditionSet
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import Addressable, AddressStatus, Destination, PoliciesStatus, SourceStatus
from wakeful.apis.duck.lifecycle import ADDRESSABLE, EVENT_POLICIES_READY
from wakeful.apis.eventing import register

TRANSFORMATION_READY = "TransformationReady"
DEPLOYMENT_READY = "JsonataDeploymentReady"
SINK_BINDING_READY = "JsonataSinkBindingReady"
EVENTTRANSFORM_CONDITIONS = ConditionSet.living(
    TRANSFORMATION_READY, ADDRESSABLE, EVENT_POLICIES_READY
)


class JsonataSpec(APIModel):
    """A JSONata expression over the event in its JSON form."""

    expression: str = ""
    """Sees attributes and extensions as members, and JSON data as ``data``."""


class TransformReply(APIModel):
    """What becomes of the sink's answers; relayed as they are unless this says otherwise."""

    jsonata: JsonataSpec | None = None
    """What to make of the sink's answer."""
    discard: bool | None = None
    """Answer nothing."""


class EventTransformSpec(APIModel):
    """The expression, and where its result goes: back to the sender, or to a sink."""

    sink: Destination | None = None
    """Where the result is sent; without one it is the answer."""
    reply: TransformReply | None = None
    """What becomes of the sink's answer; only with a sink."""
    jsonata: JsonataSpec | None = None
    """What to make of the event."""


class JsonataStatus(APIModel):
    """What runs the expression."""

    deployment: dict[str, Any] = Field(default_factory=dict)


class EventTransformStatus(PoliciesStatus, AddressStatus, SourceStatus):
    """Where events are taken, and where results go."""

    jsonata: JsonataStatus | None = None

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return EVENTTRANSFORM_CONDITIONS.manage(self)

    def set_address(self, url: str) -> None:
        """Say where it is reached; without a URL, that nobody knows yet."""
        if not url:
            self.address, self.addresses = None, []
            message = "URL is empty"
            self.manager.mark_false(ADDRESSABLE, "WaitingForServiceEndpoints", message)
            return
        self.address = Addressable(name="http", url=url)
        self.addresses = [self.address]
        self.manager.mark_true(ADDRESSABLE)

    def mark_sink(self, address: Addressable | None) -> None:
        """The sink was resolved, or there is none."""
        self.sink_uri = address.url if address else ""
        self.sink_ca_certs = address.ca_certs if address else ""
        self.sink_audience = address.audience if address else ""
        self.manager.mark_true(SINK_BINDING_READY)

    def mark_no_sink(self, message: str) -> None:
        """The sink cannot be resolved."""
        self.sink_uri = self.sink_ca_certs = self.sink_audience = ""
        self.manager.mark_false(SINK_BINDING_READY, "NotFound", message)
        self.manager.mark_false(TRANSFORMATION_READY, "NotFound", message)

    def propagate_service(self, ready: Condition | None) -> None:
        """Copy how what runs the expression does."""
        manager = self.manager
        if ready is None:
            reason, message = "JsonataDeploymentUnavailable", "The transformation is being set up"
            manager.mark_unknown(DEPLOYMENT_READY, reason, message)
            manager.mark_unknown(TRANSFORMATION_READY, reason, message)
            return
        manager.copy_from(DEPLOYMENT_READY, ready)
        manager.copy_from(TRANSFORMATION_READY, ready)

    @property
    def is_ready(self) -> bool:
        """Whether it transforms."""
        ready = self.condition(READY)
        return ready is not None and ready.is_true


class EventTransform(KResource[EventTransformSpec, EventTransformStatus]):
    """Answers events with other events."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1alpha1", "EventTransform")

    spec: EventTransformSpec = Field(default_factory=EventTransformSpec)
    status: EventTransformStatus = Field(default_factory=EventTransformStatus)
