"""The adapter of KafkaSources: as many members of a group as a source asks for."""

from __future__ import annotations

import asyncio

from wakeful.aio import Clock
from wakeful.apis.core import Secret
from wakeful.client import Change, Informer
from wakeful.eventbus.kafka import (
    KafkaConnection,
    SecretUnusableError,
    connection_of,
    secrets_of,
)
from wakeful.eventing.delivery import Sender
from wakeful.eventing.sources.host import Report
from wakeful.eventing.sources.kafka.delivery import RecordDelivery
from wakeful.eventing.sources.kafka.member import Member, Membership
from wakeful.eventing.sources.kafka.plan import KafkaPlan


class KafkaAdapter:
    """Runs the members of all KafkaSources; starts them anew when a Secret they use changes."""

    def __init__(self, sender: Sender, secrets: Informer[Secret], clock: Clock) -> None:
        self._sender, self._secrets, self._clock = sender, secrets, clock
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        """Who has to hear of changes of which Secret, by namespace and name."""
        secrets.add_handler(self._on_secret)

    async def run(self, plan: KafkaPlan, report: Report) -> None:
        """Consume until cancelled."""
        changed = asyncio.Event()
        keys = [(plan.namespace, name) for name in secrets_of(plan.net)]
        for key in keys:
            self._waiting.setdefault(key, set()).add(changed)
        try:
            while True:
                await self._run_once(plan, report, changed)
        finally:
            for key in keys:
                self._waiting[key].discard(changed)

    async def _run_once(self, plan: KafkaPlan, report: Report, changed: asyncio.Event) -> None:
        """Run with the Secrets of now; returns when they are others."""
        connection = self._connection(plan, report)
        async with asyncio.TaskGroup() as group:
            members = _start(group, self._members(plan, connection, report))
            while True:
                await changed.wait()
                changed.clear()
                if self._connection(plan, report) != connection:
                    break
            for member in members:
                member.cancel("secrets changed")

    def _connection(self, plan: KafkaPlan, report: Report) -> KafkaConnection | None:
        try:
            return connection_of(
                plan.servers, plan.net, lambda name: self._secrets.get(name, plan.namespace)
            )
        except SecretUnusableError as error:
            report.trouble(str(error))
            return None

    def _members(
        self, plan: KafkaPlan, connection: KafkaConnection | None, report: Report
    ) -> list[Member]:
        if connection is None:
            return []
        what = Membership(connection, plan.group, plan.topics, plan.ordered)
        deliver = RecordDelivery(self._sender, plan, report.lost)

        def tell(fault: str) -> None:
            if fault:
                report.trouble(fault)
            else:
                report.running()

        return [Member(what, deliver, tell, self._clock) for _ in range(plan.consumers)]

    def _on_secret(self, change: Change[Secret]) -> None:
        key = change.object.key
        for waiting in self._waiting.get((key.namespace, key.name), ()):
            waiting.set()


def _start(group: asyncio.TaskGroup, members: list[Member]) -> list[asyncio.Task[None]]:
    return [group.create_task(member.run()) for member in members]
