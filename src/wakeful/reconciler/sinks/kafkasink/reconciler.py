"""A KafkaSink is ready when its topic is there; one that it was told to make, it makes."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.sinks import register
from wakeful.apis.sinks.kafkasink_types import KAFKASINK_SERVICE, KafkaSink
from wakeful.client import Lister
from wakeful.controller import Result
from wakeful.eventbus.kafka import (
    KafkaAdmin,
    KafkaConnection,
    KafkaUnavailableError,
    SecretUnusableError,
    TopicMissingError,
    connection_of_secret,
)

_LOOK_AGAIN_SECONDS = 15.0
HOST = f"{KAFKASINK_SERVICE}.{register.SYSTEM_NAMESPACE}.svc.cluster.local"


class KafkaSinkReconciler:
    """Asks the cluster once for each connection and topic; topics are never deleted."""

    def __init__(self, admin: KafkaAdmin, secrets: Lister[Secret]) -> None:
        self._admin, self._secrets = admin, secrets
        self._found: dict[NamespacedName, tuple[KafkaConnection, str]] = {}

    async def reconcile_kind(self, sink: KafkaSink) -> Result | None:
        """Bring the status up to date."""
        spec, status, meta = sink.spec, sink.status, sink.metadata
        status.set_address(f"http://{HOST}/{meta.namespace}/{meta.name}")
        mark_policies_not_enforced(status)
        try:
            connection = sink_connection(sink, self._secrets)
        except SecretUnusableError as error:
            status.mark_bad_config(str(error))
            return None
        if self._found.get(sink.key) == (connection, spec.topic) and status.may_write:
            return None
        self._found.pop(sink.key, None)
        try:
            if spec.num_partitions is not None:
                await self._admin.ensure_topic(
                    connection,
                    spec.topic,
                    partitions=spec.num_partitions,
                    replicas=spec.replication_factor or 1,
                    settings={},
                )
            await self._admin.partitions(connection, [spec.topic])
        except TopicMissingError as error:
            status.mark_no_topic("TopicNotPresent", str(error))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        except (KafkaUnavailableError, ValueError) as error:
            status.mark_no_topic("ConnectionFailed", str(error))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        owner = "the platform" if spec.num_partitions is not None else "others"
        status.mark_topic(f"Topic {spec.topic} (made by {owner})")
        self._found[sink.key] = (connection, spec.topic)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Forget what was found."""
        self._found.pop(key, None)


def sink_connection(sink: KafkaSink, secrets: Lister[Secret]) -> KafkaConnection:
    """How to connect.

    Raises:
        SecretUnusableError: Its Secret is missing, or cannot be used.
    """
    name, secret = sink.spec.secret_name, None
    if name:
        secret = secrets.get(name, sink.metadata.namespace)
        if secret is None:
            raise SecretUnusableError(f"Secret {name!r} does not exist")
    return connection_of_secret(sink.spec.bootstrap_servers, secret)
