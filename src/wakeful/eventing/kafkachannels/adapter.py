"""Reads the topics of KafkaChannels, a consumer group for each subscriber."""

from __future__ import annotations

import asyncio

from wakeful.aio import Clock
from wakeful.apis.core import Secret
from wakeful.apis.duck import SubscriberSpec
from wakeful.apis.messaging import KafkaChannel, register
from wakeful.client import Lister
from wakeful.eventbus.kafka import InitialOffset, KafkaAdmin, connection_of_secret
from wakeful.eventing.delivery import Sender
from wakeful.eventing.kafkachannels.delivery import SubscriberDelivery
from wakeful.eventing.kafkachannels.plan import KafkaChannelPlan, SubscriberPlan
from wakeful.eventing.sources.host import Report
from wakeful.eventing.sources.kafka.member import Member, Membership

_Served = tuple[str, int]


class KafkaChannelAdapter:
    """Runs the members for all subscribers of a channel; one call for each channel."""

    def __init__(
        self, sender: Sender, secrets: Lister[Secret], admin: KafkaAdmin, clock: Clock
    ) -> None:
        self._sender, self._secrets, self._admin, self._clock = sender, secrets, admin, clock
        self._served: dict[tuple[str, str], frozenset[_Served]] = {}

    def serves(self, channel: KafkaChannel, subscriber: SubscriberSpec) -> bool:
        """Whether an event that is accepted from now on will reach this very subscriber."""
        key = channel.metadata.namespace, channel.metadata.name
        return (subscriber.uid, subscriber.generation) in self._served.get(key, ())

    async def run(self, plan: KafkaChannelPlan, report: Report) -> None:
        """Consume until cancelled.

        Where a new subscriber begins is fixed before it counts as served: at the topic's end.

        Raises:
            KafkaUnavailableError: The cluster does not answer; whoever runs this tries again.
            SecretUnusableError: Nobody knows how to prove who we are.
        """
        secret = self._secrets.get(plan.secret, register.SYSTEM_NAMESPACE) if plan.secret else None
        connection = connection_of_secret(plan.servers, secret)
        partitions = await self._admin.partitions(connection, [plan.topic])
        for subscriber in plan.subscribers:
            await self._admin.commit_initial_offsets(
                connection, subscriber.group, partitions, InitialOffset.LATEST
            )

        def tell(fault: str) -> None:
            if fault:
                report.trouble(fault)
            else:
                report.running()

        def member(subscriber: SubscriberPlan) -> Member:
            what = Membership(connection, subscriber.group, (plan.topic,), ordered=False)
            deliver = SubscriberDelivery(self._sender, subscriber, plan.namespace, report.lost)
            return Member(what, deliver, tell, self._clock)

        key = plan.namespace, plan.name
        self._served[key] = frozenset((s.uid, s.generation) for s in plan.subscribers)
        report.running()
        try:
            async with asyncio.TaskGroup() as group:
                for subscriber in plan.subscribers:
                    group.create_task(member(subscriber).run(), name=f"kafka:{subscriber.group}")
        finally:
            del self._served[key]
