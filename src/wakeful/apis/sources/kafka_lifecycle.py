"""How a KafkaSource's status comes to be: secrets, cluster, offsets, sink, adapter."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck import SINK_PROVIDED, DeliveryStatus
from wakeful.apis.sources.source_lifecycle import (
    DEPLOYED,
    OIDC_IDENTITY_CREATED,
    AdapterSourceStatus,
)

CONNECTION_ESTABLISHED = "ConnectionEstablished"
INITIAL_OFFSETS_COMMITTED = "InitialOffsetsCommitted"
OFFSETS_NOT_COMMITTED = "InitialOffsetsNotCommitted"


class Placement(APIModel):
    """How many consumers run in one process."""

    pod_name: str = ""
    vreplicas: int = 0


class KafkaSourceStatus(AdapterSourceStatus, DeliveryStatus):
    """What became of the connection."""

    condition_set: ClassVar[ConditionSet] = ConditionSet.living(
        SINK_PROVIDED,
        DEPLOYED,
        CONNECTION_ESTABLISHED,
        INITIAL_OFFSETS_COMMITTED,
        OIDC_IDENTITY_CREATED,
    )

    consumers: int | None = None
    """Consumers that run."""
    selector: str = ""
    claims: str = ""
    placements: list[Placement] = Field(default_factory=list)

    @property
    def may_consume(self) -> bool:
        """Whether adapters have all they need: a sink, and a fixed place to start at."""
        committed = self.condition(INITIAL_OFFSETS_COMMITTED)
        return bool(self.sink_uri) and committed is not None and committed.is_true

    def mark_connected(self) -> None:
        """The cluster answered, and has the topics."""
        self.manager.mark_true(CONNECTION_ESTABLISHED)

    def mark_not_connected(self, reason: str, message: str) -> None:
        """The cluster cannot be used; so nothing is known about offsets either."""
        self.manager.mark_false(CONNECTION_ESTABLISHED, reason, message)
        self.manager.mark_unknown(
            INITIAL_OFFSETS_COMMITTED, OFFSETS_NOT_COMMITTED, "There is no connection."
        )

    def mark_no_consumers(self) -> None:
        """Nobody is to consume for now, which is fine."""
        self.manager.mark_true(DEPLOYED, "NoConsumers", "Scaled to zero; records wait in Kafka.")

    def mark_offsets_committed(self) -> None:
        """The group has a place to start at in every partition."""
        self.manager.mark_true(INITIAL_OFFSETS_COMMITTED)

    def mark_offsets_not_committed(self, message: str) -> None:
        """The cluster did not take our offsets."""
        self.manager.mark_false(INITIAL_OFFSETS_COMMITTED, OFFSETS_NOT_COMMITTED, message)
