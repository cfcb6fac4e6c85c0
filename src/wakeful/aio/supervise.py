"""Start components in order, drain them in reverse: every task of the platform has this owner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

log = logging.getLogger("wakeful.aio.supervise")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The two signals between a component and its supervisor."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the component: I am usable now."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the supervisor: finish your work and return."""


class Component(Protocol):
    """Something that lives as long as the process: a server, a controller manager, an agent."""

    @property
    def name(self) -> str:
        """Appears in logs and as the task's name."""
        ...

    async def run(self, life: Lifetime) -> None:
        """Set ``life.started`` when usable; return soon after ``life.draining`` is set."""
        ...


class ComponentExitedError(Exception):
    """A component returned although nobody asked it to."""

    def __init__(self, name: str) -> None:
        super().__init__(f"component {name!r} ended before it was told to")
        self.name = name


async def _guard(component: Component, life: Lifetime) -> None:
    try:
        await component.run(life)
    except Exception:
        if not life.draining.is_set():
            raise
        log.exception("component %s failed while draining", component.name)
    else:
        if not life.draining.is_set():
            raise ComponentExitedError(component.name)


async def supervise(
    components: Sequence[Component],
    stop: asyncio.Event,
    *,
    grace_seconds: float = 30.0,
    start_seconds: float | None = None,
    ready: asyncio.Event | None = None,
) -> None:
    """Run ``components`` until ``stop``; each starts when its predecessors are usable.

    ``ready`` is set once all have started, each within ``start_seconds`` (None: the same as for
    draining). After ``stop`` they drain in reverse order, each within
    ``grace_seconds``, then are cancelled. A crash cancels every sibling and is raised.

    Raises:
        ExceptionGroup: A component failed, ended early, or did not start in time (TimeoutError).
    """
    live: list[tuple[asyncio.Task[None], Lifetime]] = []
    async with asyncio.TaskGroup() as group:
        for component in components:
            if stop.is_set():
                break
            life = Lifetime()
            task = group.create_task(_guard(component, life), name=component.name)
            live.append((task, life))
            async with asyncio.timeout(start_seconds or grace_seconds):
                await life.started.wait()
        if ready is not None:
            ready.set()
        await stop.wait()
        for task, life in reversed(live):
            life.draining.set()
            _, late = await asyncio.wait([task], timeout=grace_seconds)
            if late:
                log.warning("component %s did not drain in time", task.get_name())
                task.cancel("grace period over")
                await asyncio.wait([task])
