"""Watches what the gateway's routes depend on and keeps them in line, in batches.

Endpoints, which cannot wait for those, are kept by :class:`~.instances.Instances`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from wakeful.aio import Backoff
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret, Service
from wakeful.apis.networking import Ingress, ServerlessService
from wakeful.apis.networking.gateway_role import ServingState
from wakeful.apis.serving import Revision
from wakeful.client import Change
from wakeful.controller import Manager, WorkQueue
from wakeful.gateway.control import GatewayControl
from wakeful.gateway.envoy import EnvoyNotReadyError, reachable, wait_ready
from wakeful.gateway.plan import (
    BackendKey,
    IngressKey,
    RevisionKey,
    RouteTable,
)
from wakeful.gateway.planner.backends import gate_place
from wakeful.gateway.planner.caches import Caches
from wakeful.gateway.planner.draft import Draft
from wakeful.gateway.planner.failures import Failures
from wakeful.gateway.planner.faults import find_fault
from wakeful.gateway.planner.footprints import Footprints, service_address
from wakeful.gateway.planner.instances import Instances
from wakeful.gateway.planner.ledger import Ledger
from wakeful.gateway.planner.prober import Prober
from wakeful.gateway.planner.serviceports import ServicePorts
from wakeful.gateway.planner.tables import compile_table
from wakeful.gateway.translator.names import INTERNAL, PUBLIC
from wakeful.gateway.xds import NackError, PushTimeoutError

log = structlog.get_logger("wakeful.gateway.planner")

_WORKERS = 8


class Planner:
    """Compiles plans for one gateway; runs in a manager, whose informers it shares.

    ``ready`` is set once the first plan is served by Envoy; ``ports`` then has the bound ports.
    ``serves`` decides which Ingresses are ours; by default all of them. Also plays
    :class:`~wakeful.apis.networking.gateway_role.IngressServing` for the Ingress reconciler.
    ``instances`` is who the node agent talks to about Pods.
    """

    name = "gateway:planner"

    def __init__(
        self,
        manager: Manager,
        gateway: GatewayControl,
        *,
        serves: Callable[[Ingress], bool] = lambda _ingress: True,
    ) -> None:
        self._gateway, self._serves = gateway, serves
        self.ready = asyncio.Event()
        self.ports: dict[str, int] = {}
        self._caches = Caches(manager)
        self._service_ports = ServicePorts(
            enabled=gateway.settings.service_addresses,
            node_addresses=gateway.settings.http_addresses,
            on_taken=partial(_tell_taken, manager),
            trusting=lambda: gateway.adopted and not self.ready.is_set(),
        )
        self._ledger = Ledger()
        self._draft = Draft(self._caches)
        self._refused: dict[IngressKey, RouteTable] = {}
        self._with_tls: set[IngressKey] = set()
        self._unproven: set[IngressKey] = set()
        """Tables that are to be probed once they were published."""
        self.instances = Instances(
            gateway, self._caches, lambda: self._draft.services, self._on_empty
        )
        self._stale: set[NamespacedName] = set()
        self._wake = asyncio.Event()
        self._probe_queue: WorkQueue[IngressKey] = WorkQueue(base=0.02, cap=2.0)
        self._footprints = Footprints(manager)
        self._watch()

    def ingress_state(self, ingress: Ingress) -> ServingState:
        """How far this very generation is."""
        return self._ledger.state(ingress)

    def on_ingress_change(self, listener: Callable[[NamespacedName], None]) -> None:
        """Call ``listener`` with the key of an Ingress whose state changed."""
        self._ledger.on_change(listener)

    def reconsider(self, *_ignored: object) -> None:
        """Ask again which Ingresses are ours: what ``serves`` goes by has changed."""
        self._mark(self._caches.ingresses)

    def service_address(self, host: str, port: int) -> str:
        """The address of a plain Service's port, by its name in the cluster; empty for others."""
        return service_address(host, port, self._service_ports.addresses())

    async def run(self) -> None:
        """Give the first plan, then follow changes until cancelled; caches must be filled."""
        self._stale = {ingress.key for ingress in self._caches.ingresses}
        self._compile_tables()
        for key in self._draft.backends() | self._service_ports.keys():
            self._gateway.preset_endpoints(key, self._caches.endpoints(key))
        hosts = {
            PUBLIC: reachable(self._gateway.settings.http_addresses[0]),
            INTERNAL: reachable(self._gateway.settings.internal_addresses[0]),
        }
        async with Prober(hosts) as prober, asyncio.TaskGroup() as group:
            await self._publish_first()
            group.create_task(self._run_publisher(), name="gateway:publish")
            group.create_task(self._retry_node_ports(), name="gateway:node-ports")
            self.instances.start(group)
            await self._await_envoy()
            self.ready.set()
            for number in range(_WORKERS):
                group.create_task(self._run_prober(prober), name=f"gateway:probe:{number}")

    async def _publish_first(self) -> None:
        await self._publish()
        while True:
            try:
                await self._gateway.settled()
            except PushTimeoutError:
                log.warning("waiting for envoy")
            except NackError as error:
                log.warning("first plan refused", error=str(error))
                self._footprints.blame(error)
                await self._isolate(list(self._draft.tables))
                return
            else:
                return

    async def _await_envoy(self) -> None:
        while True:
            try:
                self.ports = await wait_ready(self._gateway.settings)
            except EnvoyNotReadyError as error:
                log.warning("waiting for envoy", error=str(error))
            else:
                return

    async def _run_publisher(self) -> None:
        backoff = Backoff(base=0.1, cap=5.0)
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._compile_tables()
            try:
                await self._publish()
                backoff.reset()
            except PushTimeoutError as error:
                log.warning("plan not acknowledged", error=str(error))
                await asyncio.sleep(backoff.next())
                self._wake.set()

    async def _publish(self) -> None:
        first = not self.ready.is_set()
        suspects = self._draft.touched_tables
        try:
            await self._publish_plan()
        except NackError as error:
            log.warning("plan refused", error=str(error))
            self._footprints.blame(error)
            await self._isolate(suspects)
        losers = set()
        for conflict in self._gateway.conflicts:
            losers.add(conflict.loser)
            message = f'Host "{conflict.host}" is already served for Ingress "{conflict.winner}".'
            self._ledger.refuse(conflict.loser, "HostConflict", message)
        unproven, self._unproven = self._unproven & self._draft.tables.keys(), losers
        for key in unproven - losers:
            self._probe_queue.add(key, hurry=not first)

    async def _retry_node_ports(self) -> None:
        """Have ports that others had as soon as they are free."""
        backoff = Backoff(base=0.5, cap=60, jitter=0)
        while True:
            if not self._service_ports.any_taken.is_set():
                backoff.reset()
            await self._service_ports.any_taken.wait()
            await asyncio.sleep(backoff.next())
            for name in self._service_ports.retry():
                self._draft.touch(self._service_ports.of(name))
                self._wake.set()

    async def _publish_plan(self) -> None:
        """Publish what is planned now, and have endpoints looked up for what is new in it."""
        plan, fresh = self._draft.take(
            self._service_ports.addresses(),
            self._service_ports.node_ports(),
            tuple(self._caches.certificates(sorted(self._with_tls))),
            self._footprints.watching(self._service_ports.addresses()),
        )
        try:
            await self._gateway.publish(plan)
        finally:
            for key in fresh:
                self.instances.renew(key)

    async def _isolate(self, changed: Iterable[IngressKey]) -> None:
        """Find out which of the changed tables Envoy refuses, and go on without those."""
        suspects = [(key, self._draft.tables[key]) for key in changed if key in self._draft.tables]
        for key, _ in suspects:
            self._draft.withdraw(key)
        await self._publish_plan()
        await self._admit(suspects)
        await self._publish_plan()

    async def _admit(self, suspects: Sequence[tuple[IngressKey, RouteTable]]) -> None:
        """Add tables, halving what is refused until each culprit stands alone."""
        for key, table in suspects:
            self._put(key, table)
        try:
            await self._publish_plan()
        except NackError as refusal:
            for key, _ in suspects:
                self._draft.withdraw(key)
            if len(suspects) == 1:
                key, table = suspects[0]
                self._refused[key] = table
                self._ledger.refuse(key, "RefusedByGateway", refusal.message)
                return
            middle = len(suspects) // 2
            await self._admit(suspects[:middle])
            await self._admit(suspects[middle:])

    def _put(self, key: IngressKey, table: RouteTable) -> None:
        self._draft.put(key, table)
        if self._ledger.version(key) != table.version:
            self._unproven.add(key)

    async def _run_prober(self, prober: Prober) -> None:
        while True:
            key = await self._probe_queue.get()
            try:
                table = self._draft.tables.get(key)
                if table is None:
                    self._probe_queue.forget(key)
                elif await prober.serves(table, self.ports):
                    self._probe_queue.forget(key)
                    self._ledger.served(key, table)
                else:
                    self._probe_queue.add_rate_limited(key)
            finally:
                self._probe_queue.done(key)

    def _compile_tables(self) -> None:
        stale, self._stale = self._stale, set()
        for name in stale:
            key = IngressKey(name.namespace, name.name)
            ingress = self._caches.ingresses.get(name.name, name.namespace)
            if ingress is None or ingress.is_deleting or not self._serves(ingress):
                self._draft.withdraw(key)
                self._refused.pop(key, None)
                self._with_tls.discard(key)
                self._ledger.forget(key)
                continue
            table = compile_table(ingress, self._caches)
            if ingress.spec.tls:
                self._with_tls.add(key)
            else:
                self._with_tls.discard(key)
            self._ledger.compiled(key, ingress, table)
            if fault := find_fault(table):
                self._ledger.refuse(key, "InvalidIngress", fault)
                continue  # what was served before stays
            if self._refused.get(key) == table:
                continue
            self._refused.pop(key, None)
            if fault := self._caches.tls_fault(ingress):
                self._ledger.refuse(key, "InvalidCertificate", fault)
                self._unproven.discard(key)
                self._draft.put(key, table)  # without HTTPS, as far as it goes
                continue
            self._put(key, table)

    def _on_empty(self, key: BackendKey) -> None:
        if key in self._draft.lingering:
            self._draft.touch([key])
            self._wake.set()

    def _watch(self) -> None:
        caches = self._caches
        self._footprints.on_change(self._wake.set)
        caches.autoscaling.on_change(lambda _config: self._on_autoscaling())
        caches.ingresses.add_handler(self._on_ingress)
        caches.networks.add_handler(self._on_network)
        caches.services.add_handler(self._on_service)
        caches.revisions.add_handler(self._on_revision)
        caches.secrets.add_handler(self._on_secret)
        Failures(caches, self._gateway.fail)

    def _mark(self, ingresses: Iterable[Ingress]) -> None:
        self._stale.update(ingress.key for ingress in ingresses)
        self._wake.set()

    def _on_autoscaling(self) -> None:
        self._draft.touch(self._draft.revisions)
        self._wake.set()

    def _on_ingress(self, change: Change[Ingress]) -> None:
        if not _same_intent(change):
            self._mark([change.object, *self._caches.rewriters()])

    def _on_network(self, change: Change[ServerlessService]) -> None:
        old, new = change.old, change.new
        name = str(change.object.key)
        self._draft.touch([_revision_key(change.object.key)])
        if old is None or new is None or self._moves(old, new):
            self._mark(self._caches.ingresses_of_service(name))
        before = old.status.private_service_name if old is not None else ""
        after = new.status.private_service_name if new is not None else ""
        if before != after:
            self.instances.renew(_revision_key(change.object.key))

    def _moves(self, old: ServerlessService, new: ServerlessService) -> bool:
        """Whether a revision is reached in another way from now on."""
        burst = self._caches.autoscaling.current().target_burst_capacity
        return old.spec.protocol_type != new.spec.protocol_type or (
            gate_place(old, burst) is not gate_place(new, burst)
        )

    def _on_service(self, change: Change[Service]) -> None:
        old, new = change.old, change.new
        ports = self._service_ports.of(change.object.key)
        if self._service_ports.follow(change):
            self._wake.set()
        self._draft.touch(ports | self._service_ports.of(change.object.key))
        if old is not None and new is not None and old.spec == new.spec:
            return
        key = change.object.key
        ingresses = list(self._caches.ingresses_of_service(key))
        if ingresses:
            self._mark(ingresses)
        self.instances.renew_service(key)

    def _on_revision(self, change: Change[Revision]) -> None:
        key = _revision_key(change.object.key)
        self._draft.touch([key])
        if change.old is None or change.new is None or change.old.spec != change.new.spec:
            self._mark(self._caches.ingresses_of_service(key))

    def _on_secret(self, change: Change[Secret]) -> None:
        self._mark(self._caches.ingresses_of_secret(change.object.key))


def _revision_key(name: NamespacedName) -> RevisionKey:
    return RevisionKey(name.namespace, name.name)


def _same_intent(change: Change[Ingress]) -> bool:
    old, new = change.old, change.new
    if old is None or new is None:
        return False
    same_annotations = old.metadata.annotations == new.metadata.annotations
    return (
        old.metadata.generation == new.metadata.generation
        and old.metadata.uid == new.metadata.uid
        and same_annotations
        and old.is_deleting == new.is_deleting
    )


def _tell_taken(manager: Manager, service: Service, port: int) -> None:
    """Where ``kubectl describe service`` shows it."""
    message = f"Node port {port} is not open: another program of this machine listens there"
    manager.recorder.warning(service, "NodePortTaken", message)
