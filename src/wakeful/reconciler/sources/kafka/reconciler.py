"""A KafkaSource is ready when its cluster has the topics, its group a start, its adapter runs."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.duck import CloudEventAttributes, DeliveryStatus
from wakeful.apis.sources import KafkaSource, KafkaSourceSpec, LegacyKafkaSource
from wakeful.apis.sources.kafka_lifecycle import Placement
from wakeful.apis.sources.kafka_resources import KAFKA_TYPE
from wakeful.client import Lister
from wakeful.controller import Result
from wakeful.eventbus.kafka import (
    InitialOffset,
    KafkaAdmin,
    KafkaConnection,
    KafkaUnavailableError,
    SecretUnusableError,
    TopicMissingError,
    connection_of,
)
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.sources.parts import SourceParts

AnyKafkaSource = KafkaSource | LegacyKafkaSource

_LOOK_AGAIN_SECONDS = 15.0
"""After which a cluster that was away, or a topic that was missing, is looked for again."""
_ADAPTER = "kafka-source-dispatcher"
"""Upstream's name of what consumes for all KafkaSources; here tasks of the platform."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was found fine, so that it need not be asked again at every change of status."""

    connection: KafkaConnection
    group: str
    topics: tuple[str, ...]


class KafkaSourceReconciler:
    """Checks the cluster, fixes where the group starts, and reports on the adapter."""

    def __init__(self, parts: SourceParts, admin: KafkaAdmin, secrets: Lister[Secret]) -> None:
        self._parts, self._admin, self._secrets = parts, admin, secrets
        self._checked: dict[NamespacedName, _Checked] = {}

    async def reconcile_kind(self, source: AnyKafkaSource) -> Result | None:
        """Bring the status up to date."""
        spec, status = source.wanted, source.status
        status.mark_no_oidc()
        if not await self._parts.sinks.provide(source, spec.sink, status):
            return None
        if not await self._find_dead_letter_sink(source, spec, status):
            return None
        status.ce_attributes = [
            CloudEventAttributes(type=KAFKA_TYPE, source=source_of(source, topic))
            for topic in spec.topics
        ]
        await self._parts.event_types.reconcile(source, spec.sink, status.ce_attributes)
        result = await self._check(source, spec)
        state = self._parts.adapters.state(source)
        if spec.consumers == 0:
            status.mark_no_consumers()
        else:
            status.propagate_adapter(state, _ADAPTER)
        running = (spec.consumers or 0) if state is not None and state.running else 0
        status.consumers = running
        status.placements = [Placement(pod_name=_ADAPTER, vreplicas=running)] if running else []
        return result

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)
        self._checked.pop(key, None)

    async def _find_dead_letter_sink(
        self, source: AnyKafkaSource, spec: KafkaSourceSpec, status: DeliveryStatus
    ) -> bool:
        sink = spec.delivery.dead_letter_sink if spec.delivery is not None else None
        if sink is None:
            status.dead_letter_sink_uri = status.dead_letter_sink_ca_certs = ""
            return True
        try:
            address = await self._parts.sinks.find(source, sink)
        except UnresolvedError as error:
            source.status.mark_no_sink("DeadLetterSinkNotFound", str(error))
            return False
        status.dead_letter_sink_uri = address.url
        status.dead_letter_sink_ca_certs = address.ca_certs
        return True

    async def _check(self, source: AnyKafkaSource, spec: KafkaSourceSpec) -> Result | None:
        """Look at the cluster, unless it was found fine with just this."""
        status = source.status
        namespace = source.metadata.namespace
        try:
            connection = connection_of(
                spec.bootstrap_servers, spec.net, lambda name: self._secrets.get(name, namespace)
            )
        except SecretUnusableError as error:
            self._checked.pop(source.key, None)
            status.mark_not_connected("SecretUnusable", str(error))
            return None
        wanted = _Checked(connection, spec.consumer_group, tuple(spec.topics))
        if self._checked.get(source.key) == wanted and status.may_consume:
            return None
        self._checked.pop(source.key, None)
        try:
            partitions = await self._admin.partitions(connection, wanted.topics)
        except TopicMissingError as error:
            status.mark_not_connected("TopicNotFound", str(error))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        except (KafkaUnavailableError, ValueError) as error:
            status.mark_not_connected("ConnectionFailed", str(error))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        status.mark_connected()
        try:
            await self._admin.commit_initial_offsets(
                connection, wanted.group, partitions, InitialOffset(spec.initial_offset)
            )
        except KafkaUnavailableError as error:
            status.mark_offsets_not_committed(str(error))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        status.mark_offsets_committed()
        self._checked[source.key] = wanted
        return None


def source_of(source: AnyKafkaSource, topic: str) -> str:
    """What events of a topic name as their source."""
    meta = source.metadata
    return f"/apis/v1/namespaces/{meta.namespace}/kafkasources/{meta.name}#{topic}"
