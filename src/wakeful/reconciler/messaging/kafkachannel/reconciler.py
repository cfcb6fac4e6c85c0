"""A KafkaChannel is ready when its topic is there; its subscribers when their groups are."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from wakeful.apimachinery.conditions import TRUE, UNKNOWN
from wakeful.apimachinery.errors import NotFoundError, TerminalError
from wakeful.apimachinery.meta import NamespacedName, is_controlled_by
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.duck import SubscriberSpec, SubscriberStatus
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.messaging import KafkaChannel, register
from wakeful.apis.messaging.kafkachannel_types import (
    AUTH_SECRET,
    BOOTSTRAP_SERVERS,
    CONFIG_KAFKA_CHANNEL,
    TOPIC_READY,
)
from wakeful.apis.networking import Ingress
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.eventbus.kafka import (
    KafkaAdmin,
    KafkaConnection,
    KafkaUnavailableError,
    SecretUnusableError,
    connection_of_secret,
)
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.eventing.deadlettersink import resolve_dead_letter_sink
from wakeful.reconciler.messaging.channelobjects import group_by_uid
from wakeful.reconciler.messaging.kafkachannel.resources import (
    ingress_name,
    make_ingress,
    topic_name,
    topic_settings,
)
from wakeful.reconciler.messaging.physicalchannel.resources import channel_address, make_service

_AGAIN = Result(requeue_after=10.0)


class KafkaSubscribers(Protocol):
    """Whoever reads the topics."""

    def serves(self, channel: KafkaChannel, subscriber: SubscriberSpec) -> bool:
        """Whether an event that is accepted from now on will reach this very subscriber."""
        ...


class KafkaChannelReconciler:
    """Makes the topic and deletes it; the way to the receiver is a Service and an Ingress."""

    finalizer = "kafkachannels.messaging.knative.dev"

    def __init__(
        self,
        client: Client,
        admin: KafkaAdmin,
        subscribers: KafkaSubscribers,
        resolver: DestinationResolver,
        configs: Lister[ConfigMap],
        secrets: Lister[Secret],
        gateway: str,
        ingress_class: str,
    ) -> None:
        self._client, self._admin, self._subscribers = client, admin, subscribers
        self._resolver, self._configs, self._secrets = resolver, configs, secrets
        self._gateway, self._class = gateway, ingress_class

    async def reconcile_kind(self, channel: KafkaChannel) -> Result | None:
        """Bring topic, way and status in line."""
        self._resolver.forget(channel.key)
        status = channel.status
        mark_policies_not_enforced(status)
        await resolve_dead_letter_sink(
            self._resolver, channel, channel.spec.delivery, channel.status
        )
        found = self._connection(channel)
        if found is None:
            return None
        connection, secret = found
        if not await self._ensure_topic(channel, connection, secret):
            return _AGAIN
        await self._lead(channel)
        status.set_address(channel_address(channel))
        status.set_subscribers(self._subscriber_status(channel))
        return None

    async def finalize_kind(self, channel: KafkaChannel) -> Result | None:
        """Delete the topic; nobody can say where it is once the configuration is gone."""
        self._resolver.forget(channel.key)
        with suppress(NotFoundError):
            name, namespace = ingress_name(channel), register.SYSTEM_NAMESPACE
            await self._client.delete(Ingress, name, namespace)
        found = self._connection(channel)
        if found is None:
            return None
        try:
            await self._admin.delete_topic(found[0], topic_name(channel))
        except KafkaUnavailableError as error:
            channel.status.mark_topic_failed(f"topic not deleted yet: {error}")
            return _AGAIN
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._resolver.forget(key)

    def _connection(self, channel: KafkaChannel) -> tuple[KafkaConnection, str] | None:
        """Where Kafka is, and the Secret that was used; None after having said what is wrong."""
        status, where = channel.status, f"{register.SYSTEM_NAMESPACE}/{CONFIG_KAFKA_CHANNEL}"
        config = self._configs.get(CONFIG_KAFKA_CHANNEL, register.SYSTEM_NAMESPACE)
        servers = (config.data if config is not None else {}).get(BOOTSTRAP_SERVERS, "").strip()
        if config is None or not servers:
            message = f'ConfigMap {where} does not say "{BOOTSTRAP_SERVERS}"'
            status.mark_not_configured("FailedToResolveConfig", message)
            return None
        name = config.data.get(AUTH_SECRET, "").strip()
        secret = self._secrets.get(name, register.SYSTEM_NAMESPACE) if name else None
        if name and secret is None:
            message = f'Secret "{register.SYSTEM_NAMESPACE}/{name}" of {where} does not exist'
            status.mark_not_configured("FailedToGetSecret", message)
            return None
        parts = [part.strip() for part in servers.split(",") if part.strip()]
        try:
            return connection_of_secret(parts, secret), name
        except SecretUnusableError as error:
            status.mark_not_configured("SecretUnusable", str(error))
            return None

    async def _ensure_topic(
        self, channel: KafkaChannel, connection: KafkaConnection, secret: str
    ) -> bool:
        status, topic = channel.status, topic_name(channel)
        servers = ",".join(connection.servers)
        before = status.condition(TOPIC_READY)
        known = status.annotations.get(BOOTSTRAP_SERVERS) == servers
        if not (known and before is not None and before.is_true):
            try:
                await self._admin.ensure_topic(
                    connection,
                    topic,
                    partitions=channel.spec.num_partitions or 1,
                    replicas=channel.spec.replication_factor or 1,
                    settings=topic_settings(channel),
                )
            except (KafkaUnavailableError, ValueError) as error:
                status.mark_topic_failed(str(error))
                return False
        status.mark_topic_ready(topic, servers, secret)
        return True

    async def _lead(self, channel: KafkaChannel) -> None:
        """Have the channel's host lead to the receiver."""
        await self._client.create_or_get(make_ingress(channel, self._class))
        service = await self._client.create_or_get(make_service(channel, self._gateway))
        if not is_controlled_by(service, channel):
            name = service.metadata.name
            message = f'KafkaChannel {channel.key} does not own Service "{name}"'
            channel.status.mark_channel_service_failed(message)
            raise TerminalError(message)

    def _subscriber_status(self, channel: KafkaChannel) -> list[SubscriberStatus]:
        """Who was served stays so while members are started anew for others: groups remember."""
        known = group_by_uid(channel.status.subscribers)
        found: list[SubscriberStatus] = []
        for subscriber in channel.spec.subscribers:
            before: SubscriberStatus | None = known.get(subscriber.uid)
            stays = (
                before is not None
                and before.ready == TRUE
                and before.observed_generation == subscriber.generation
            )
            ready = stays or self._subscribers.serves(channel, subscriber)
            found.append(
                SubscriberStatus(
                    uid=subscriber.uid,
                    observed_generation=subscriber.generation,
                    ready=TRUE if ready else UNKNOWN,
                    message="" if ready else "the consumer group is being set up",
                )
            )
        return found
