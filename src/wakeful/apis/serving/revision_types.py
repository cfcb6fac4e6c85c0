"""Revision: one immutable version of code and settings."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import (
    APIModel,
    GroupVersionKind,
    KResource,
    ObjectMeta,
    format_time,
    parse_time,
)
from wakeful.apis.core.pod_types import Container, PodSpec
from wakeful.apis.serving import register
from wakeful.apis.serving.register import RoutingState
from wakeful.apis.serving.revision_lifecycle import RevisionStatus


class RevisionSpec(PodSpec):
    """What the user asked for: a pod, and how requests are handed to it."""

    container_concurrency: int | None = None
    """Requests in flight per replica; 0 is no limit."""
    timeout_seconds: int | None = None
    """How long a request may take altogether."""
    response_start_timeout_seconds: int | None = None
    """How long a request may wait for its first byte."""
    idle_timeout_seconds: int | None = None
    """How long a response may pause."""

    @property
    def serving_container(self) -> Container:
        """The container that receives requests: the only one, or the one with a port."""
        if len(self.containers) == 1:
            return self.containers[0]
        return next((c for c in self.containers if c.ports), Container())

    @property
    def user_port(self) -> int:
        """The port requests are sent to."""
        ports = self.serving_container.ports
        return (ports[0].container_port if ports else 0) or register.DEFAULT_USER_PORT

    @property
    def protocol(self) -> str:
        """``h2c`` when the port is named so, else ``http1``."""
        ports = self.serving_container.ports
        return "h2c" if ports and ports[0].name == "h2c" else "http1"


class RevisionTemplateSpec(APIModel):
    """What Revisions made from this template look like."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: RevisionSpec = Field(default_factory=RevisionSpec)


class Revision(KResource[RevisionSpec, RevisionStatus]):
    """A snapshot of a Configuration's template; never changes, only scales."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Revision")

    spec: RevisionSpec = Field(default_factory=RevisionSpec)
    status: RevisionStatus = Field(default_factory=RevisionStatus)

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        return self.is_observed and ready is not None and ready.is_true

    @property
    def is_failed(self) -> bool:
        """Failed, judged on the newest generation."""
        ready = self.status.condition(READY)
        return self.is_observed and ready is not None and ready.is_false

    @property
    def is_observed(self) -> bool:
        """Whether the status speaks of the newest generation."""
        return self.status.observed_generation == self.metadata.generation

    @property
    def routing_state(self) -> str:
        """What routes have to do with it; empty when nobody said."""
        return self.metadata.labels.get(register.ROUTING_STATE, "")

    @property
    def last_active(self) -> datetime | None:
        """When its routing state changed last, or when it was created."""
        text = self.metadata.annotations.get(register.ROUTING_STATE_MODIFIED, "")
        try:
            found = parse_time(text) if text else None
        except ValueError:
            found = None
        return found if isinstance(found, datetime) else self.metadata.creation_timestamp

    @property
    def config_generation(self) -> int | None:
        """Generation of the Configuration that made it."""
        text = self.metadata.labels.get(register.CONFIGURATION_GENERATION, "")
        return int(text) if text.isascii() and text.isdigit() else None

    def set_routing_state(self, state: RoutingState, now: datetime) -> None:
        """Label with ``state`` and note when, unless it is in that state already."""
        labels, annotations = self.metadata.labels, self.metadata.annotations
        if (
            labels.get(register.ROUTING_STATE) == state
            and register.ROUTING_STATE_MODIFIED in annotations
        ):
            return
        labels[register.ROUTING_STATE] = str(state)
        annotations[register.ROUTING_STATE_MODIFIED] = format_time(now)
