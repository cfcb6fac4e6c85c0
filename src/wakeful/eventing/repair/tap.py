"""Looking on while events pass through a Broker or channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from secrets import token_hex

from wakeful.apimachinery.errors import WakefulError
from wakeful.cloudevents import CloudEventError, Event
from wakeful.eventbus import BusError, ConsumerConfig, EventBus, Start, StartAt
from wakeful.eventing.frame import unpack
from wakeful.eventing.plan.model import Plan

_FORGET_SECONDS = 30.0
"""After which the event server forgets somebody who went without a word."""
_AT_ONCE = 100
_GOODBYE_SECONDS = 2.0


class NotCarriedError(WakefulError):
    """No stream belongs to that object."""


class Tap:
    """Reads along with a consumer of its own: nobody else gets an event more or less."""

    def __init__(
        self,
        open_bus: Callable[[], AbstractAsyncContextManager[EventBus]],
        plan: Callable[[], Plan],
    ) -> None:
        self._open_bus, self._plan = open_bus, plan

    def check(self, owner: str) -> str:
        """The stream of ``kind/namespace/name``.

        Raises:
            NotCarriedError: There is none.
        """
        for route in self._plan().routes:  # those of Brokers lead to the streams of channels
            if route.owner == owner:
                return route.stream
        raise NotCarriedError(f"no events are carried for {owner}")

    async def events(self, owner: str, ready: asyncio.Event) -> AsyncGenerator[Event]:
        """What is accepted from now on; ``ready`` is set once nothing will be missed.

        Raises:
            NotCarriedError: No stream belongs to ``owner``.
            BusError: The event server is away.
        """
        stream, name = self.check(owner), f"tail-{token_hex(6)}"
        async with self._open_bus() as bus:
            config = ConsumerConfig(
                name,
                start=Start(StartAt.NEW),
                inactive_seconds=_FORGET_SECONDS,
                metadata={"owner": "tail", "keep": "yes"},  # not in the plan, but meant
            )
            await bus.ensure_consumer(stream, config)
            subscription = await bus.subscribe(stream, name)
            ready.set()
            try:
                while True:
                    for message in await subscription.fetch(_AT_ONCE):
                        await message.ack()
                        with suppress(CloudEventError):
                            yield unpack(message.data)[0]
            finally:
                with suppress(BusError, TimeoutError):
                    async with asyncio.timeout(_GOODBYE_SECONDS):
                        await subscription.aclose()
                        await bus.delete_consumer(stream, name)
