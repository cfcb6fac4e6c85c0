"""Runs one task for each source that is ready for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from wakeful.aio import Backoff, Clock, SystemClock, retry
from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import Object
from wakeful.apis.sources import AdapterState, SourceKey
from wakeful.client import Change, Informer
from wakeful.controller import EventRecorder, Manager

log = structlog.get_logger("wakeful.eventing.sources")

_QUIET_SECONDS = 60.0

T = TypeVar("T", bound=Object)
P = TypeVar("P")


class Report(Protocol):
    """How an adapter tells how it is doing."""

    def running(self) -> None:
        """Events flow now."""
        ...

    def trouble(self, fault: str) -> None:
        """It goes on trying; ``fault`` shows in the source's status until ``running``."""
        ...

    def lost(self, reason: str) -> None:
        """An event could not be delivered; recorded as an event of the source."""
        ...


@dataclass(frozen=True, slots=True)
class _Kind:
    informer: Informer[Any]
    plan: Callable[[Any], Any | None]
    run: Callable[[Any, Report], Awaitable[None]]


@dataclass(slots=True)
class _Adapter:
    """A running task and what it was started for."""

    source: Object
    plan: Any
    task: asyncio.Task[None] | None = None
    state: AdapterState = field(default_factory=lambda: AdapterState(running=False))


class AdapterHost:
    """Compares the plans of all sources with the tasks that run, and applies the difference.

    Runs in a manager, whose informers it shares. Every task belongs to the group of :meth:`run`. A
    task that fails is started again, later each time; its fault is its state meanwhile.
    """

    name = "eventing:sources"

    def __init__(self, manager: Manager, clock: Clock | None = None) -> None:
        self._manager, self._clock = manager, clock or SystemClock()
        self._recorder: EventRecorder = manager.recorder
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._adapters: dict[SourceKey, _Adapter] = {}
        self._listeners: list[Callable[[SourceKey], None]] = []
        self._changed: dict[SourceKey, None] = {}
        self._wake = asyncio.Event()

    def serve(
        self,
        model: type[T],
        plan: Callable[[T], P | None],
        run: Callable[[P, Report], Awaitable[None]],
    ) -> None:
        """Have sources of a kind served.

        ``plan`` is pure: what a task has to know, None while there should be none; equal plans are
        not started anew. ``run`` works until cancelled.
        """
        informer = self._manager.informer(model)
        self._kinds[model.gvk.group, model.gvk.kind] = _Kind(informer, plan, run)
        informer.add_handler(self._on_source)

    def state(self, source: Object) -> AdapterState | None:
        """The adapter of this very generation; None while there is none."""
        adapter = self._adapters.get(SourceKey.of(source))
        if adapter is None or adapter.source.metadata.uid != source.metadata.uid:
            return None
        return adapter.state

    def on_change(self, listener: Callable[[SourceKey], None]) -> None:
        """Call ``listener`` when the state of a source's adapter changed."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow the sources until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._changed:
                    key = next(iter(self._changed))
                    del self._changed[key]
                    await self._apply(group, key)

    def _on_source(self, change: Change[Any]) -> None:
        self._changed[SourceKey.of(change.object)] = None
        self._wake.set()

    async def _apply(self, group: asyncio.TaskGroup, key: SourceKey) -> None:
        kind = self._kinds[key.group, key.kind]
        source = kind.informer.get(key.key.name, key.key.namespace)
        adapter = self._adapters.get(key)
        if source is not None and adapter is not None and _is_undecided(source, adapter.source):
            return
        plan = None if source is None or source.is_deleting else kind.plan(source)
        if adapter is not None:
            if source is not None and plan is not None and adapter.plan == plan:
                adapter.source = source
                return
            await self._end(key, adapter)
        if source is not None and plan is not None:
            self._start(group, key, kind, _Adapter(source, plan))

    def _start(
        self, group: asyncio.TaskGroup, key: SourceKey, kind: _Kind, adapter: _Adapter
    ) -> None:
        self._adapters[key] = adapter
        report = _Reporter(adapter, lambda: self._notify(key), self._recorder, self._clock)
        adapter.task = group.create_task(
            self._keep_running(key, kind, adapter, report), name=f"source:{key}"
        )

    async def _keep_running(
        self, key: SourceKey, kind: _Kind, adapter: _Adapter, report: _Reporter
    ) -> None:
        async def run() -> None:
            await kind.run(adapter.plan, report)
            raise _EndedError("the adapter ended by itself")

        def tell(err: Exception, delay: float) -> None:
            if not isinstance(err, _EndedError):
                log.error("adapter failed", error=str(err), exc_info=err)
            report.trouble(str(err) or type(err).__name__)

        with structlog.contextvars.bound_contextvars(source=str(key)):
            await retry(
                run,
                Exception,
                backoff=Backoff(base=0.2, cap=60.0),
                tell=tell,
                clock=self._clock,
                steady_seconds=60,
            )

    async def _end(self, key: SourceKey, adapter: _Adapter) -> None:
        if self._adapters.get(key) is adapter:
            del self._adapters[key]
        if adapter.task is not None:
            adapter.task.cancel("source changed")
            await asyncio.wait([adapter.task])
        self._notify(key)

    def _notify(self, key: SourceKey) -> None:
        for listener in self._listeners:
            listener(key)


class _EndedError(Exception):
    """An adapter returned, which none should."""


class _Reporter:
    """Keeps the state of one adapter."""

    def __init__(
        self,
        adapter: _Adapter,
        notify: Callable[[], None],
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._adapter, self._notify, self._recorder = adapter, notify, recorder
        self._clock, self._quiet_until = clock, 0.0

    def running(self) -> None:
        self._set(AdapterState(running=True))

    def trouble(self, fault: str) -> None:
        self._set(AdapterState(running=False, fault=fault))

    def lost(self, reason: str) -> None:
        log.warning("event lost", reason=reason)
        now = self._clock.monotonic()
        if now < self._quiet_until:
            return  # it may itself be what a source tells of, which would never end
        self._quiet_until = now + _QUIET_SECONDS
        self._recorder.warning(self._adapter.source, "EventNotDelivered", reason)

    def _set(self, state: AdapterState) -> None:
        if state != self._adapter.state:
            self._adapter.state = state
            self._notify()


def _is_undecided(source: Object, served: Object) -> bool:
    """Whether the spec is newer than what the status tells; then the old task goes on."""
    if source.is_deleting or source.metadata.uid != served.metadata.uid:
        return False
    status = getattr(source, "status", None)
    if not isinstance(status, ConditionedStatus):
        return False
    return status.observed_generation != source.metadata.generation
