"""The gateway as one object: give it plans and endpoints, it keeps Envoy and the gate in line.

Not for finding out what the plan should be; controllers do that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import grpc
import structlog

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.errors import WakefulError
from wakeful.autoscaler import Poke
from wakeful.gateway.gate.machine import GateCounts
from wakeful.gateway.gate.service import Gate, Timing
from wakeful.gateway.load import LoadReports
from wakeful.gateway.plan import BackendKey, Endpoint, Plan, RevisionBackend, RevisionKey
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.spans import SpanWriter
from wakeful.gateway.translator.compiler import PlanCompiler
from wakeful.gateway.translator.names import INTERNAL, PUBLIC, cluster_name
from wakeful.gateway.translator.routes import HostConflict
from wakeful.gateway.upgrades import Upgrades
from wakeful.gateway.xds.resources import ResourceType
from wakeful.gateway.xds.server import AdsServer

log = structlog.get_logger("wakeful.gateway")

_RECOVERY_SECONDS = 2.0
_ACK_SECONDS = 30.0
_SERVER_OPTIONS = (
    # By default bursts beyond 1,000 calls are refused at random.
    ("grpc.server.max_pending_requests", 1_000_000),
    ("grpc.server.max_pending_requests_hard_limit", 1_000_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 1_000_000),
)


class Gateway:
    """Envoy's control plane.

    ``run`` serves it; ``publish`` gives the first whole plan, before which nothing is answered.
    """

    def __init__(
        self, settings: GatewaySettings, poke: Poke | None = None, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._compiler = PlanCompiler(settings)
        self._publishing = asyncio.Lock()
        self._published = False
        self._configured: dict[RevisionKey, RevisionBackend] = {}
        """What the gate was told of each revision."""
        self._offers: asyncio.Queue[tuple[RevisionKey, ...] | None] = asyncio.Queue()
        self.adopted = False
        """Envoy was serving before us: what it has in flight is learnt from its first load report
        before slots are given out. Set before the first plan."""
        self.ads = AdsServer()
        self.gate = Gate(poke, self._clock)
        self.load = LoadReports(self.gate, self._clock)
        self.upgrades = Upgrades()
        self.spans = SpanWriter()

    def connect_poke(self, poke: Poke) -> None:
        """Name who starts instances: the autoscaler needs our load first, we need it then."""
        self.gate.connect_poke(poke)

    def connect_timing(self, timing: Timing) -> None:
        """Name who knows what held requests waited for."""
        self.gate.connect_timing(timing)

    @property
    def settings(self) -> GatewaySettings:
        """Where it listens."""
        return self._settings

    @property
    def conflicts(self) -> list[HostConflict]:
        """Hosts that more than one Ingress of the last plan wanted."""
        return self._compiler.conflicts

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve ADS, LRS and the gate on the control socket while the context is open."""
        paths = self._settings.paths
        paths.check()
        paths.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = grpc.aio.server(options=_SERVER_OPTIONS)
        server.add_generic_rpc_handlers(
            (
                self.ads.handler(),
                self.gate.handler(),
                self.load.handler(),
                self.upgrades.handler(),
                self.spans.handler(),
            )
        )
        server.add_insecure_port(f"unix:{paths.control_socket}")
        await server.start()
        paths.control_socket.chmod(0o600)
        try:
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(self.gate.run_pokes(), name="gate:pokes"),
                    group.create_task(self._run_offers(group), name="gate:offers"),
                ]
                try:
                    yield
                finally:
                    for task in background:
                        task.cancel()
        finally:
            await server.stop(grace=None)

    async def publish(self, plan: Plan) -> None:
        """Make Envoy do what ``plan`` says; the first call opens for business.

        Raises:
            NackError: Envoy refused part of it; the rest is in force.
            PushTimeoutError: Envoy did not acknowledge in time.
        """
        async with self._publishing:
            if self.adopted and not self._published:
                self.gate.expect_recovery()
            keys = self._touched(plan)
            # The gate knows a revision before any request can be sent to it, and longer.
            fresh = self._configure(plan, keys)
            changes = self._compiler.compile(plan)
            if self._published:
                await self.ads.push(changes)
            else:
                self._published = True
                self.ads.store.apply(changes)
                self.ads.open()
                self.gate.open()
                if self.adopted:
                    self._offers.put_nowait(None)
            for key in keys:
                if key not in plan.revisions and self._configured.pop(key, None) is not None:
                    self.gate.forget(key)
                    self.load.forget(key)
            self._watch()
            self._offers.put_nowait(tuple(fresh))

    def _touched(self, plan: Plan) -> list[RevisionKey]:
        """Revisions to look at."""
        if plan.touched is None or not self._published:
            return [*(self._configured.keys() | plan.revisions.keys())]
        return [key for key in plan.touched.backends if isinstance(key, RevisionKey)]

    def _configure(self, plan: Plan, keys: Iterable[RevisionKey]) -> list[RevisionKey]:
        """Tell the gate of revisions; return those that it did not know so and that are awake."""
        fresh = []
        for key in keys:
            backend = plan.revisions.get(key)
            if backend is None or self._configured.get(key) is backend:
                continue
            self._configured[key] = backend
            self.gate.configure(backend)
            if self._compiler.endpoints(key):
                fresh.append(key)
        return fresh

    async def settled(self, *, timeout: float = _ACK_SECONDS) -> None:
        """Return once an Envoy is connected and has the routes of the plan in force.

        Raises:
            NackError: It refused them.
            PushTimeoutError: Neither happened within ``timeout`` seconds.
        """
        names = {
            ResourceType.LISTENER: (PUBLIC, INTERNAL),
            ResourceType.SCOPE: tuple(self.ads.store.names(ResourceType.SCOPE)),
        }
        await self.ads.settled(names, timeout=timeout, clients=1)

    def preset_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """Name the instances of a backend before the first plan."""
        self._compiler.compile_endpoints(key, endpoints)

    def endpoints(self, key: BackendKey) -> tuple[Endpoint, ...]:
        """The instances last given."""
        return self._compiler.endpoints(key)

    async def set_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """Replace the instances of one backend; returns once every Envoy sends only to those.

        Independent of ``publish``: waking one revision waits for nobody else's changes.
        """
        instances = frozenset(endpoints)
        usable = frozenset(endpoint for endpoint in instances if not endpoint.draining)
        if isinstance(key, RevisionKey):
            self.gate.withdraw(key, usable)
        changes = self._compiler.compile_endpoints(key, instances)
        if not isinstance(key, RevisionKey):
            await self.ads.push(changes)
            return
        self._watch()
        if not self._published:
            return
        await self.ads.push(changes)
        await self._offer(key)

    def let_go(self, key: RevisionKey, endpoint: Endpoint) -> bool:
        """Let what is held go to an instance that is ready, before Envoy is told that it is.

        That takes an instance that was listed as draining while it booted: Envoy sends it what
        names it, where the gate may name one. Returns False, and does nothing, where it may not,
        and when an Envoy does not know the instance yet.
        """
        backend = self._configured.get(key)
        if backend is None or not backend.picked:
            return False
        listed = {(known.address, known.port) for known in self._compiler.endpoints(key)}
        names = {ResourceType.ENDPOINTS: [cluster_name(key)]}
        if (endpoint.address, endpoint.port) not in listed or not self.ads.is_settled(names):
            return False
        self.gate.let_go(key, endpoint)
        return True

    def gate_counts(self) -> dict[RevisionKey, GateCounts]:
        """What each revision has at the gate now."""
        counts = ((key, self.gate.counts(key)) for key in self.gate.keys())  # noqa: SIM118
        return {key: count for key, count in counts if count is not None}

    def fail(self, key: RevisionKey, reason: str) -> None:
        """Tell everyone held for a revision that it does not start."""
        self.gate.fail(key, reason)

    async def drained(
        self, key: RevisionKey, endpoint: Endpoint, *, timeout: float | None = None
    ) -> bool:
        """Wait until no request is in flight at an instance that was set draining.

        Upgraded connections do not count: they end when the program ends them, which is for it to
        do when it is told that it has to go. Returns whether it came to that within ``timeout``
        seconds (None: as long as it takes). Call it after ``set_endpoints`` returned, while the
        instance is still listed.
        """
        idle, before = Endpoint(endpoint.address, endpoint.port), False
        try:
            async with asyncio.timeout(timeout):
                while self.load.connected:
                    await self.load.next_report()
                    upgraded = self.upgrades.at(key, idle)
                    quiet = self._requests_at(key, idle) <= 0
                    # A report and an entry about the end of the same connection may cross.
                    if quiet and (before or not upgraded):
                        return True
                    before = quiet
        except TimeoutError:
            return False
        return True

    def _requests_at(self, key: RevisionKey, endpoint: Endpoint) -> int:
        """What is in flight at an instance, without upgraded connections."""
        seen = self.load.in_progress(key, endpoint) - self.upgrades.at(key, endpoint)
        let_go = self.gate.in_flight(key, endpoint) - self.upgrades.through_gate(key, endpoint)
        return max(seen, let_go)

    async def _run_offers(self, group: asyncio.TaskGroup) -> None:
        """Open the gate for revisions that came with their instances."""
        while True:
            keys = await self._offers.get()
            if keys is None:
                group.create_task(self._finish_recovery(), name="gate:recovery")
                continue
            for key in keys:
                try:
                    await self._offer(key)
                except WakefulError as error:
                    log.warning("endpoints not acknowledged", revision=str(key), error=str(error))

    async def _finish_recovery(self) -> None:
        await self._clock.sleep(_RECOVERY_SECONDS)
        self.gate.finish_recovery()

    def _watch(self) -> None:
        """Have the load of all revisions reported that have instances."""
        self.load.watch(cluster_name(key) for key in self._compiler.awake())

    async def _offer(self, key: RevisionKey) -> None:
        """Open the gate for the instances that are acknowledged by now."""
        names = {ResourceType.ENDPOINTS: [cluster_name(key)]}
        want = self._compiler.endpoints(key)
        await self.ads.settled(names, timeout=_ACK_SECONDS, clients=1)
        if self._compiler.endpoints(key) == want:
            self.gate.offer(key, [endpoint for endpoint in want if not endpoint.draining])
