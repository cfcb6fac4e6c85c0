"""The event processes as the control plane hears of them, and how many of them there should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from wakeful.aio import Backoff, retry
from wakeful.apis.messaging.dataplane_role import ObservedType
from wakeful.eventing.worker.control import ControlClient, open_control
from wakeful.eventing.worker.files import EventingPaths
from wakeful.eventing.worker.scale import Scaler

log = structlog.get_logger("wakeful.eventing")

_SPARE_SECONDS = 5.0
_AGAIN_SECONDS = 0.1


@dataclass(slots=True)
class ProcessState:
    """The last word of an event process."""

    connected: bool = False
    plan: str = ""
    streams: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, str] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    types: frozenset[ObservedType] = frozenset()


class EventProcesses:
    """Listens to every process that should run; whoever runs them is somebody else."""

    def __init__(self, paths: EventingPaths, most: Callable[[], int]) -> None:
        """``most`` says how many processes there may be."""
        self._paths, self._most = paths, most
        self._states: dict[int, ProcessState] = {}
        self._controls: dict[int, ControlClient] = {}
        self._listening: dict[int, asyncio.Task[None]] = {}
        self._scaler = Scaler(1)
        self.wanted = 1
        """So many processes should run."""
        self.on_state: Callable[[int], None] = lambda _: None
        """Called with the number of a process that said something."""
        self.on_lost: Callable[[], None] = lambda: None
        """Called when one does not answer any more."""
        self.on_rescale: Callable[[], None] = lambda: None
        """Called when another number of them is wanted."""

    @property
    def first(self) -> ProcessState:
        """The word of the first process, which looks after the streams."""
        return self._states.get(0) or ProcessState()

    @property
    def raw_states(self) -> list[dict[str, Any]]:
        """What each process said last."""
        return [state.raw for _, state in sorted(self._states.items())]

    @property
    def observed_types(self) -> frozenset[ObservedType]:
        """Which kinds of events came in since the processes were started."""
        return frozenset().union(*(state.types for state in self._states.values()))

    def reload(self) -> None:
        """Have all of them read the plan again."""
        for control in self._controls.values():
            control.reload()

    def listen(self, group: asyncio.TaskGroup) -> None:
        """Listen to as many as are wanted, by tasks of ``group``, and to no others."""
        for index in range(self.wanted):
            if index not in self._listening:
                self._listening[index] = group.create_task(
                    self._listen(index), name=f"eventing:control:{index}"
                )
        for index in [index for index in self._listening if index >= self.wanted]:
            self._listening.pop(index).cancel()
            self._states.pop(index, None)

    async def ask_for_spare(self) -> None:
        """Ask until cancelled: several processes do not say by themselves that they stay idle."""
        while True:
            await asyncio.sleep(_SPARE_SECONDS)
            if self.wanted > 1:
                for control in self._controls.values():
                    control.ask()

    async def _listen(self, index: int) -> None:
        async def listen() -> None:
            async with open_control(self._paths.control_of(index)) as control:
                self._controls[index] = control
                try:
                    control.reload()
                    async for raw in control.states():
                        self._hear(index, raw)
                finally:
                    self._controls.pop(index, None)
            raise ConnectionError("the event process has ended")

        def tell(error: Exception, delay: float) -> None:
            state = self._states.get(index)
            if state is not None and state.connected:
                state.connected = False
                self.on_lost()

        backoff = Backoff(base=_AGAIN_SECONDS, cap=_AGAIN_SECONDS)
        await retry(listen, (OSError, ValueError), backoff=backoff, tell=tell)

    def _hear(self, index: int, raw: dict[str, Any]) -> None:
        before = self._states.get(index)
        types = before.types if before is not None else frozenset()
        if before is None or before.raw["types"] != raw["types"]:
            types = frozenset(ObservedType(*seen) for seen in raw["types"])
        self._states[index] = ProcessState(
            raw["connected"], raw["plan"], raw["streams"], raw["consumers"], raw, types
        )
        self._rescale()
        self.on_state(index)

    def _rescale(self) -> None:
        self._scaler.most = max(1, self._most())
        if len(self._states) != self.wanted:
            return
        busy = [state.raw["busy"] for state in self._states.values()]
        wanted = self._scaler.decide(busy, asyncio.get_running_loop().time())
        if wanted != self.wanted:
            log.info("event processes", wanted=wanted, running=self.wanted)
            self.wanted = wanted
            self.on_rescale()
