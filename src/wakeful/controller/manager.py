"""Owns the informers and controllers of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from wakeful.aio import Housekeeping, Lifetime, RightOfWay
from wakeful.apimachinery.meta import Object
from wakeful.client import Client, Informer, Listing
from wakeful.controller.controller import Controller
from wakeful.controller.leaderelection import LeaderElector
from wakeful.controller.record import EventRecorder

T = TypeVar("T", bound=Object)


class Runnable(Protocol):
    """A controller, or anything else that works until cancelled."""

    name: str

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class Manager:
    """Starts caches, waits for them, then runs controllers; a component for ``supervise``.

    One informer serves all controllers that ask for the same model; with ``namespace`` it sees no
    other one, for those who may not read them all. ``reductions`` say, by model, what the
    informers need not remember. With ``on_settled``, objects that have come to stay are made small,
    and it hears how many, and of how many. ``listing`` says how informers read collections.
    """

    def __init__(
        self,
        client: Client,
        *,
        name: str = "controllers",
        component: str = "wakeful",
        elector: LeaderElector | None = None,
        namespace: str = "",
        reductions: Mapping[type[Object], Callable[[Any], Any]] | None = None,
        on_settled: Callable[[int, int], None] | None = None,
        listing: Listing | None = None,
    ) -> None:
        self.client = client
        self.right_of_way = RightOfWay()
        """Claimed for a request that is held; what it does not wait for lets it pass."""
        self.housekeeping = Housekeeping(right_of_way=self.right_of_way)
        """What is looked at although nobody says that it changed; see there."""
        self.recorder = EventRecorder(client.transport, component, right_of_way=self.right_of_way)
        self._name, self._elector, self._namespace = name, elector, namespace
        self._informers: dict[type[Object], Informer[Any]] = {}
        self._reductions, self._on_settled = dict(reductions or {}), on_settled
        self._listing = listing or Listing()
        self._runnables: list[Runnable] = []

    @property
    def name(self) -> str:
        """Name of the component."""
        return self._name

    def informer(self, model: type[T]) -> Informer[T]:
        """The shared informer of a kind."""
        found = self._informers.get(model)
        if found is None:
            found = self._informers[model] = Informer(
                self.client,
                model,
                namespace=self._namespace,
                reduce=self._reductions.get(model),
                on_settled=None if self._on_settled is None else self._settled,
                listing=self._listing,
            )
        return cast("Informer[T]", found)

    def _settled(self, count: int) -> None:
        if self._on_settled is not None:
            self._on_settled(count, sum(map(len, self._informers.values())))

    def add(self, runnable: Runnable) -> None:
        """Run a controller (or another task) once the caches are filled."""
        if isinstance(runnable, Controller):
            runnable.give_way_to(self.right_of_way, self.housekeeping)
        self._runnables.append(runnable)

    async def run(self, life: Lifetime) -> None:
        """Run until draining: caches first, then controllers (as leader, given an elector)."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(informer.run(), name=informer.name)
                for informer in self._informers.values()
            ]
            tasks.append(group.create_task(self.recorder.run(), name=f"{self._name}:events"))
            for informer in self._informers.values():
                await informer.synced.wait()
            work: Callable[[], Awaitable[None]] = self._run_controllers
            if self._elector is not None:
                tasks.append(
                    group.create_task(self._elector.run(work), name=f"{self._name}:leader")
                )
            else:
                tasks.append(group.create_task(self._run_controllers(), name=f"{self._name}:work"))
            life.started.set()
            await life.draining.wait()
            for task in reversed(tasks):
                task.cancel("draining")

    async def _run_controllers(self) -> None:
        async with asyncio.TaskGroup() as group:
            for runnable in self._runnables:
                group.create_task(runnable.run(), name=f"controller:{runnable.name}")
