"""The event process's parts, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from dataclasses import asdict
from typing import Any

from wakeful.aio import Backoff, SystemClock, retry
from wakeful.eventbus import BusUnavailableError
from wakeful.eventbus.jetstream.bus import JetStreamBus
from wakeful.eventing.delivery import NameTable, open_sender
from wakeful.eventing.dispatcher.deliver import Courier
from wakeful.eventing.dispatcher.dispatcher import Dispatcher
from wakeful.eventing.dispatcher.lane import Tools
from wakeful.eventing.history.store import HistoryStore, HopRecorder
from wakeful.eventing.ingress.http import HttpServer
from wakeful.eventing.ingress.ingress import Ingress
from wakeful.eventing.plan.model import Plan, load_plan
from wakeful.eventing.worker.control import ControlServer
from wakeful.eventing.worker.files import EventingPaths, load_bus
from wakeful.eventing.worker.keeper import Keeper

log = logging.getLogger("wakeful.eventing.worker")

_GRACE_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_MEASURE_SECONDS = 1.0
_BUSY, _CHANGE = 0.8, 0.2


class EventProcess:
    """Takes events in and gets them delivered until told to end."""

    def __init__(self, paths: EventingPaths, listener: socket.socket, index: int = 0) -> None:
        """``index`` tells several apart; the first one looks after the streams."""
        self._paths, self._listener, self._index = paths, listener, index
        self._store = HistoryStore.open(paths.history)
        self._recorder = HopRecorder(self._store)
        self._bus = JetStreamBus(load_bus(paths), connect_seconds=_CONNECT_SECONDS)
        clock = SystemClock()
        self._ingress = Ingress(self._bus, clock, self._recorder)
        self._ingress.types.on_new = self._on_news
        self._sender_context = open_sender(NameTable(("127.0.0.1", 80)), clock)
        self._clock = clock
        self._keeper = Keeper(self._bus, self._on_news)
        self._control = ControlServer(paths.control_of(index), self.state, self.reload)
        self._dispatcher: Dispatcher | None = None
        self._plan = Plan()
        self._busy = 0.0

    def _on_news(self) -> None:
        self._control.changed()

    def state(self) -> dict[str, Any]:
        """What the control plane is told."""
        keeper = self._keeper.state
        lanes = self._dispatcher.lanes if self._dispatcher is not None else ()
        return {
            "connected": self._bus.is_connected,
            "plan": keeper.plan if not self._index else self._plan.version(),
            "busy": round(self._busy, 2),
            "streams": keeper.streams,
            "consumers": keeper.consumers,
            "ingress": asdict(self._ingress.counters),
            "lanes": {f"{lane.plan.stream}/{lane.consumer}": asdict(lane.stats) for lane in lanes},
            "skipped_hops": self._recorder.skipped,
            "types": self._ingress.types.list(),
        }

    def reload(self) -> None:
        """Read the plan and follow it."""
        try:
            plan = load_plan(self._paths.plan.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("plan not read, the last one stays in force: %s", error)
            return
        self._plan = plan
        self._sender.names = plan.names
        self._ingress.use(plan)
        if not self._index:
            self._keeper.use(plan)
        self._on_news()
        if self._dispatcher is not None:
            self._dispatcher.use(plan)

    async def run(self, draining: asyncio.Event) -> None:
        """Work until ``draining``, then finish what was begun."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._store.close)
            await self._connect(stack, draining)
            if draining.is_set():
                return
            self._sender = await stack.enter_async_context(self._sender_context)
            courier = Courier(self._sender, self._ingress, self._recorder)
            tools = Tools(
                self._bus, courier, self._recorder, self._store.add_dead_letter, self._clock
            )
            self._dispatcher = Dispatcher(tools, self._index)
            self._bus.on_reconnect(self._keeper.start_over)
            self._bus.on_reconnect(self._on_news)
            self.reload()
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(self._recorder.run(), name="eventing:history"),
                    group.create_task(self._keeper.run(), name="eventing:keeper"),
                    group.create_task(self._control.run(), name="eventing:control"),
                    group.create_task(self._measure(), name="eventing:busy"),
                ]
                serving = group.create_task(
                    HttpServer(self._ingress.handle).run(self._listener, draining, _GRACE_SECONDS)
                )
                dispatching = group.create_task(self._dispatcher.run(draining, _GRACE_SECONDS))
                await asyncio.gather(serving, dispatching)
                for task in background:
                    task.cancel()

    async def _measure(self) -> None:
        """Tell how busy this process is when it is, and when it no longer is."""
        told = 0.0
        then, used = time.monotonic(), time.process_time()
        while True:
            await asyncio.sleep(_MEASURE_SECONDS)
            now, used_now = time.monotonic(), time.process_time()
            self._busy = (used_now - used) / (now - then)
            then, used = now, used_now
            if self._busy > _BUSY or abs(self._busy - told) > _CHANGE:
                told = self._busy
                self._on_news()

    async def _connect(self, stack: contextlib.AsyncExitStack, draining: asyncio.Event) -> None:
        async def connect() -> None:
            if not draining.is_set():
                await stack.enter_async_context(self._bus)

        def tell(error: Exception, delay: float) -> None:
            log.warning("waiting for the event server: %s", error)
            self._bus = JetStreamBus(load_bus(self._paths), connect_seconds=_CONNECT_SECONDS)
            self._ingress.bus = self._bus
            self._keeper = Keeper(self._bus, self._on_news)

        backoff = Backoff(base=0.1, cap=0.1)
        await retry(connect, BusUnavailableError, backoff=backoff, tell=tell, hurry=draining)


async def run_process(paths: EventingPaths, listener: socket.socket, index: int) -> None:
    """Run until SIGTERM or SIGINT."""
    draining = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, draining.set)
    await EventProcess(paths, listener, index).run(draining)
