"""Running your own reconcilers: caches, queues, workers, events, and one leader among replicas."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from wakeful.aio import Lifetime
from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.duration import format_duration
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.client import Change, Informer
from wakeful.controller import Controller as RuntimeController
from wakeful.controller import EventRecorder, LeaderElector, Manager, Reconciler, Result
from wakeful.controller import Tracker as RuntimeTracker
from wakeful.sdk.connection import Client
from wakeful.sdk.context import current_logger, trace

T = TypeVar("T", bound=Object)


def _identity() -> str:
    return f"{socket.gethostname()}_{uuid4()}"


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """Which Lease the replicas of a program compete for; only its holder reconciles.

    When the holder dies, another one takes over after ``lease_seconds`` at the latest; a holder
    that cannot renew gives up after ``renew_seconds``, which must be less.
    """

    lease: str
    namespace: str = ""
    """Of the Lease; by default that of the connection."""
    identity: str = field(default_factory=_identity)
    lease_seconds: float = 60
    renew_seconds: float = 40
    retry_seconds: float = 10


class Tracker:
    """Has an object reconciled when another one changes that it reads but does not own.

    Made by :meth:`ControllerRunner.tracker`, given to the reconciler and to
    :meth:`ControllerRunner.add`.
    """

    def __init__(self, informers: Iterable[Informer[Object]]) -> None:
        self.informers = tuple(informers)
        self._enqueue: Callable[[NamespacedName], None] | None = None
        self._tracker = RuntimeTracker(self._forward)

    def track(self, dependent: Object, model: type[Object], name: str, namespace: str = "") -> None:
        """``dependent`` reads this object; it need not exist yet."""
        self._tracker.track(
            model.gvk.group, model.gvk.kind, NamespacedName(namespace, name), dependent.key
        )

    def forget(self, key: NamespacedName) -> None:
        """Whoever has this key reads nothing any more, or is about to say anew what it reads."""
        self._tracker.forget(key)

    def attach(self, enqueue: Callable[[NamespacedName], None]) -> None:
        """Say whom to tell."""
        self._enqueue = enqueue

    def on_change(self, obj: Object) -> tuple[NamespacedName, ...]:
        """Tell everyone who reads ``obj``."""
        self._tracker.on_change(Change(None, obj))
        return ()

    def _forward(self, key: NamespacedName) -> None:
        if self._enqueue is not None:
            self._enqueue(key)


class Controller(RuntimeController[T]):
    """Runs one reconciler over one kind; every reconcile is a trace of its own."""

    async def run(self) -> None:
        """Reconcile what there is, then whatever changes, until cancelled."""
        self.enqueue_all()  # a leader that comes back has missed some
        await super().run()

    async def reconcile(self, key: NamespacedName) -> Result:
        """Reconcile one object as the cache has it, and log how long it took."""
        begun = time.perf_counter_ns()
        result = await super().reconcile(key)
        taken = _time_taken(time.perf_counter_ns() - begun)
        current_logger().info("Reconcile succeeded. Time taken: %s.", taken)
        return result

    async def _process(self, key: NamespacedName) -> None:
        with trace(str(key)):
            await super()._process(key)


class ControllerRunner:
    """All controllers of one program, with the caches they share.

    ``name`` is who its events and field managers say it is. With ``namespace`` it sees only that
    one, which suits a service account that may not read the others. Use::

        runner = ControllerRunner(client, name="greeter")
        services = runner.informer(Service)
        runner.add(Service, GreeterReconciler(client, services))
        await runner.run()
    """

    def __init__(
        self,
        client: Client,
        *,
        name: str,
        namespace: str = "",
        leader_election: LeaderElection | None = None,
    ) -> None:
        self._name = name
        self._manager = Manager(
            client,
            name=name,
            component=name,
            namespace=namespace,
            elector=_elector(client, leader_election),
        )

    @property
    def events(self) -> EventRecorder:
        """Records what ``kubectl describe`` shows below an object."""
        return self._manager.recorder

    def informer(self, model: type[T]) -> Informer[T]:
        """The cache of a kind, shared by everyone who asks: a lister, with handlers and indices.

        Ask before :meth:`run`; what it returns later is shared too and must not be changed.
        """
        return self._manager.informer(model)

    def tracker(self, *models: type[Object]) -> Tracker:
        """A tracker of objects of these kinds."""
        return Tracker([self._manager.informer(model) for model in models])

    def add(
        self,
        model: type[T],
        reconciler: Reconciler[T],
        *,
        name: str = "",
        owns: Iterable[type[Object]] = (),
        tracker: Tracker | None = None,
        conditions: ConditionSet | None = None,
        selects: Callable[[T], bool] | None = None,
        workers: int = 4,
    ) -> Controller[T]:
        """Have ``reconciler`` called for every object of a kind, whenever it or a child changes.

        Args:
            model: The kind.
            reconciler: What to do. One that is :class:`Finalizing` is asked before an object goes,
                one that :class:`ObservesDeletion` is told afterwards.
            name: Of the controller, in logs; by default that of the program and the kind.
            owns: Kinds of children: a change to one reconciles its controlling owner.
            tracker: Other objects it reads.
            conditions: The conditions of a kind of your own: ``observedGeneration`` and the happy
                condition then follow the newest generation. Leave out for kinds of others.
            selects: Picks the objects that concern you.
            workers: How many objects are reconciled at once; one object never twice.
        """
        controller = Controller(
            name or f"{self._name}.{model.gvk.kind.lower()}",
            self._manager.client,
            self._manager.informer(model),
            reconciler,
            conditions=conditions,
            recorder=self._manager.recorder,
            workers=workers,
            selects=selects,
        )
        for child in owns:
            controller.watch_owned(self._manager.informer(child))
        if tracker is not None:
            tracker.attach(controller.enqueue)
            for informer in tracker.informers:
                controller.watch(informer, tracker.on_change)
        self._manager.add(controller)
        return controller

    async def run(self) -> None:
        """Fill the caches, wait to become the leader if asked to, and reconcile until cancelled.

        Cancellation: reconciles in progress are cut short and seen again by the next run; the
        lease is given back.
        """
        current_logger().info("Starting informers.")
        await self._manager.run(Lifetime())


def _elector(client: Client, wish: LeaderElection | None) -> LeaderElector | None:
    if wish is None:
        return None
    return LeaderElector(
        client.transport,
        name=wish.lease,
        namespace=wish.namespace or client.namespace,
        identity=wish.identity,
        lease_seconds=wish.lease_seconds,
        renew_seconds=wish.renew_seconds,
        retry_seconds=wish.retry_seconds,
    )


def _time_taken(nanoseconds: int) -> str:
    """As Go writes it, ``487.347µs``."""
    if nanoseconds < 1_000:
        return f"{nanoseconds}ns"
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1_000:.3f}".rstrip("0").rstrip(".") + "µs"
    return format_duration(timedelta(microseconds=nanoseconds / 1_000))
