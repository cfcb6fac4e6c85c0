"""The event path as the control plane sees it: plans, has plans carried out, tells how far it is.

The event server and the event process are started when there is something to carry for the first
time; both go on by themselves while there is no control plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import structlog

from wakeful.aio import Backoff, retry
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.core import Service
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.apis.duck import SubscriberSpec
from wakeful.apis.eventing import Broker, Trigger
from wakeful.apis.messaging import InMemoryChannel, NatsJetStreamChannel, Subscription
from wakeful.apis.messaging.dataplane_role import (
    SERVED,
    ObservedType,
    PhysicalChannel,
    ServingPhase,
    ServingState,
)
from wakeful.client import Change
from wakeful.controller import Manager
from wakeful.eventing.clusternames import ClusterNames
from wakeful.eventing.delivery.names import cluster_name
from wakeful.eventing.plan.compile import (
    Compiled,
    World,
    compile_plan,
    hosts_of,
    local_hosts,
    stream_name,
    with_names,
)
from wakeful.eventing.plan.model import Plan, SubscriptionPlan, dump_plan
from wakeful.eventing.processes import EventProcesses
from wakeful.eventing.worker.files import EventingPaths, write_private

log = structlog.get_logger("wakeful.eventing")

_DEBOUNCE_SECONDS = 0.02
_STARTING = ServingState(ServingPhase.PENDING, "DispatcherNotReady", "the event path is starting")


class EventRunner(Protocol):
    """Whoever runs the event server and the event process."""

    @property
    def most_workers(self) -> int:
        """So many event processes at most."""
        ...

    def platform(self) -> str:
        """A name for this platform's streams."""
        ...

    def is_stale(self) -> bool:
        """Whether something else is to run than what runs."""
        ...

    async def ensure(self, workers: int) -> int:
        """Have the event server and so many event processes run.

        Returns the port of the ingress on loopback.
        """
        ...


class IngressHosts(Protocol):
    """Whoever makes hosts of the cluster lead to the ingress."""

    async def lead(self, hosts: tuple[str, ...], port: int) -> None:
        """Have the gateway send requests for these hosts to a port on loopback."""
        ...


class EventPlane:
    """Runs in a manager, whose informers it shares; plays ``EventDataPlane`` for reconcilers."""

    name = "eventing:plane"

    def __init__(
        self,
        manager: Manager,
        runner: EventRunner,
        hosts: IngressHosts,
        names: ClusterNames,
        paths: EventingPaths,
        gateway_ready: asyncio.Event,
    ) -> None:
        self._runner, self._hosts, self._names = runner, hosts, names
        self._paths, self._gateway_ready = paths, gateway_ready
        self._memory = manager.informer(InMemoryChannel)
        self._jetstream = manager.informer(NatsJetStreamChannel)
        self._brokers = manager.informer(Broker)
        self._triggers = manager.informer(Trigger)
        self._subscriptions = manager.informer(Subscription)
        self._wake = asyncio.Event()
        self._wake.set()
        self._compiled = Compiled(Plan(), {})
        self._wanted: dict[str, SubscriptionPlan] = {}
        self._hosts_used: frozenset[tuple[str, str]] = frozenset()
        self._written = b""
        self._port: int | None = None
        self._fault = ""
        self._processes = EventProcesses(paths, lambda: runner.most_workers)
        self._processes.on_state = self._on_state
        self._processes.on_lost = self._tell
        self._processes.on_rescale = self._wake.set
        self._running = 0
        self._listeners: list[Callable[[str, NamespacedName], None]] = []
        self._health_listeners: list[Callable[[], None]] = []
        self._type_listeners: list[Callable[[], None]] = []
        self._types_told: frozenset[ObservedType] = frozenset()
        self._last_health = _STARTING
        self._watch(names)

    @property
    def states(self) -> list[dict[str, Any]]:
        """What each event process said last: counters of its ingress and of every lane."""
        return self._processes.raw_states

    def look_again(self) -> None:
        """Something that is not an object we watch has changed."""
        self._wake.set()

    # --- the role of a data plane -------------------------------------------------------------

    def health(self) -> ServingState:
        """Whether events can be taken in and dispatched."""
        if self._fault:
            return ServingState(ServingPhase.PENDING, "EventServerNotReady", self._fault)
        if self._port is None or not self._processes.first.plan:
            return _STARTING
        if not self._processes.first.connected:
            return ServingState(
                ServingPhase.PENDING, "EventServerNotReady", "the event server does not answer"
            )
        return SERVED

    def channel_state(self, channel: PhysicalChannel) -> ServingState:
        """Whether the channel's stream is there."""
        name = stream_name(channel.gvk.kind, channel.key)
        known = next((s for s in self._compiled.plan.streams if s.name == name), None)
        if known is None or known.uid != channel.metadata.uid:
            return _STARTING
        return _phase(
            self._processes.first.streams.get(name), "StreamFailed", "its stream is being made"
        )

    def subscriber_state(
        self, channel: PhysicalChannel, subscriber: SubscriberSpec
    ) -> ServingState:
        """Whether the subscriber's consumer is there."""
        refused = self._compiled.refused.get(subscriber.uid)
        if refused is not None:
            return ServingState(ServingPhase.REFUSED, "InvalidSubscriber", refused)
        plan = self._wanted.get(subscriber.uid)
        if plan is None or plan.generation != (subscriber.generation or 0):
            return ServingState(
                ServingPhase.PENDING, "ConsumerPending", "its consumer is not planned yet"
            )
        return _phase(
            self._processes.first.consumers.get(f"{plan.stream}/{plan.consumer}"),
            "ConsumerFailed",
            "its consumer is being made",
        )

    def on_change(self, listener: Callable[[str, NamespacedName], None]) -> None:
        """Call ``listener`` with kind and key of a channel about which there is news."""
        self._listeners.append(listener)

    def on_health_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when the health changes."""
        self._health_listeners.append(listener)

    def observed_types(self) -> frozenset[ObservedType]:
        """Which kinds of events came in since the event process was started."""
        return self._processes.observed_types

    def on_observed_type(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when another kind of event came in."""
        self._type_listeners.append(listener)

    # --- work ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow the objects until cancelled; caches must be filled."""
        await self._gateway_ready.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._processes.ask_for_spare(), name="eventing:scale")
            while True:
                await self._wake.wait()
                await asyncio.sleep(_DEBOUNCE_SECONDS)
                await retry(
                    lambda: self._bring_in_line(group),
                    Exception,  # the rest of us goes on
                    backoff=Backoff(base=0.2, cap=10.0),
                    tell=self._tell_fault,
                )

    async def _bring_in_line(self, group: asyncio.TaskGroup) -> None:
        self._wake.clear()
        self._compile()
        if self._compiled.plan.is_empty and self._port is None:
            return
        await self._carry_out()
        if self._fault:
            self._fault = ""
            self._tell()
        self._processes.listen(group)

    def _tell_fault(self, error: Exception, delay: float) -> None:
        log.warning("event path not in line", error=str(error))
        self._fault = str(error)
        self._tell()

    def _compile(self) -> None:
        world = World(
            [*self._memory, *self._jetstream],
            list(self._brokers),
            {trigger.key: trigger for trigger in self._triggers},
            {subscription.key: subscription for subscription in self._subscriptions},
        )
        compiled = compile_plan(world)
        hosts = hosts_of(compiled.plan)
        self._hosts_used = frozenset(n for host in hosts if (n := cluster_name(host)))
        plan = replace(
            with_names(compiled.plan, self._names.table(hosts)),
            platform=self._runner.platform() if not compiled.plan.is_empty else "",
            workers=self._processes.wanted,
        )
        self._compiled = Compiled(plan, compiled.refused)
        self._wanted = {s.uid: s for s in plan.subscriptions}

    async def _carry_out(self) -> None:
        plan = self._compiled.plan
        data = dump_plan(plan)
        if self._port is None or self._runner.is_stale() or self._running != plan.workers:
            if self._running > plan.workers:  # the others take over before it ends
                self._publish(data)
            write_private(self._paths.plan, data)
            self._port = await self._runner.ensure(plan.workers)
            self._running = plan.workers
        self._publish(data)
        await self._hosts.lead(local_hosts(plan.routes), self._port)
        self._tell()

    def _publish(self, data: bytes) -> None:
        if data != self._written:
            write_private(self._paths.plan, data)
            self._processes.reload()
            self._written = data

    def _on_state(self, index: int) -> None:
        self._tell_types()
        if index == 0:
            self._tell()

    def _tell(self) -> None:
        """Have those look again who may see something else now."""
        health = self.health()
        if health != self._last_health:
            self._last_health = health
            for changed in self._health_listeners:
                changed()
        for channel in (*self._memory, *self._jetstream):
            if _is_behind(channel, self):
                for listener in self._listeners:
                    listener(channel.gvk.kind, channel.key)

    def _tell_types(self) -> None:
        seen = self.observed_types()
        if not seen <= self._types_told:
            self._types_told = seen
            for listener in self._type_listeners:
                listener()

    def _watch(self, names: ClusterNames) -> None:
        for informer in (self._memory, self._jetstream):
            informer.add_handler(self._on_change)
        self._brokers.add_handler(self._on_change)
        self._triggers.add_handler(self._on_change)
        self._subscriptions.add_handler(self._on_annotations)
        names.services.add_handler(self._on_service)
        names.slices.add_handler(self._on_slice)

    def _on_change(self, change: Change[Any]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or _intent(old) != _intent(new):
            self._wake.set()

    def _on_annotations(self, change: Change[Subscription]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or old.metadata.annotations != new.metadata.annotations:
            self._wake.set()

    def _on_service(self, change: Change[Service]) -> None:
        if change.object.key.name and self._uses(change.object):
            self._wake.set()

    def _on_slice(self, change: Change[EndpointSlice]) -> None:
        meta = change.object.metadata
        if (meta.labels.get(SERVICE_NAME_LABEL, ""), meta.namespace) in self._hosts_used:
            self._wake.set()

    def _uses(self, service: Object) -> bool:
        return (service.metadata.name, service.metadata.namespace) in self._hosts_used


def _intent(obj: Any) -> object:
    """What of an object may change the plan."""
    meta = obj.metadata
    status = obj.status
    address = getattr(status, "address", None)
    return (
        meta.generation,
        meta.uid,
        meta.annotations,
        obj.is_deleting,
        getattr(status, "subscriber_uri", ""),
        getattr(status, "subscriber_ca_certs", ""),
        getattr(status, "annotations", None),
        address.url if address is not None else "",
    )


def _phase(fault: str | None, reason: str, pending: str) -> ServingState:
    if fault is None or fault == "pending":
        return ServingState(ServingPhase.PENDING, "Pending", pending)
    return SERVED if not fault else ServingState(ServingPhase.REFUSED, reason, fault)


def _is_behind(channel: PhysicalChannel, plane: EventPlane) -> bool:
    """Whether the status of a channel says something else than we do."""
    said = {s.uid: (s.observed_generation, s.ready) for s in channel.status.subscribers}
    words = {
        ServingPhase.SERVED: "True",
        ServingPhase.PENDING: "Unknown",
        ServingPhase.REFUSED: "False",
    }
    for subscriber in channel.spec.subscribers:
        phase = plane.subscriber_state(channel, subscriber).phase
        if said.get(subscriber.uid) != (subscriber.generation, words[phase]):
            return True
    ready = channel.status.condition("Ready")
    served = plane.channel_state(channel) == SERVED
    return ready is None or ready.is_true != served
