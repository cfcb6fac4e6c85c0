"""Keeps the instances of each backend as the caches have them: at once, and each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Pod
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.client import Change
from wakeful.controller import WorkQueue
from wakeful.gateway.control import GatewayControl
from wakeful.gateway.plan import BackendKey
from wakeful.gateway.planner.backends import instance_of, listed_of
from wakeful.gateway.planner.caches import Caches
from wakeful.gateway.xds import NackError, PushTimeoutError

log = structlog.get_logger("wakeful.gateway.planner")

_WORKERS = 8
_ANNOUNCE_SECONDS = 0.05


class Instances:
    """Tells the gateway who serves a backend; to the node it is whoever sends requests to Pods.

    ``services`` names the plain Services that the present plan sends to. ``on_empty`` hears of
    backends that have no instance any more, not even one that is leaving.
    """

    def __init__(
        self,
        gateway: GatewayControl,
        caches: Caches,
        services: Callable[[], Collection[BackendKey]],
        on_empty: Callable[[BackendKey], None] = lambda _key: None,
    ) -> None:
        self._gateway, self._caches, self._services = gateway, caches, services
        self._on_empty = on_empty
        self._queue: WorkQueue[BackendKey] = WorkQueue(cap=5.0)
        caches.slices.add_handler(self._on_slice)
        caches.pods.add_handler(self._on_pod)

    def renew(self, key: BackendKey) -> None:
        """Have one backend looked at soon."""
        self._queue.add(key)

    def renew_service(self, service: NamespacedName) -> None:
        """Have every backend looked at that has its instances by this Service."""
        for key in self._caches.revisions_of_private_service(service):
            self._queue.add(key)
        for backend in self._services():
            if (backend.namespace, backend.name) == (service.namespace, service.name):
                self._queue.add(backend)

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to follow, in tasks of the group."""
        for number in range(_WORKERS):
            group.create_task(self._work(), name=f"gateway:endpoints:{number}")

    # --- what the node tells and asks -------------------------------------------------------------

    def expect(self, pod: Pod) -> None:
        """Let Envoy know where ``pod`` is going to be: that is one thing less to wait for then."""
        key = self._caches.revision_of_pod(pod)
        if key is not None and self._caches.expect(pod):
            self._queue.add(key)

    async def announce(self, pod: Pod) -> None:
        """Send to ``pod`` from now on if it says that it is ready; return once that is in force.

        What is held goes at once if Envoy knows the instance already. Gives up waiting after a
        moment: it will be in force, but not because of this call.
        """
        key, instance = self._caches.revision_of_pod(pod), instance_of(pod)
        if key is None or instance is None or not self._caches.announce(pod):
            return
        if not pod.is_deleting and await self._gateway.let_go(key, instance.endpoint):
            self._queue.add(key)
            return
        try:
            async with asyncio.timeout(_ANNOUNCE_SECONDS):
                await self._program(key)
        except (TimeoutError, PushTimeoutError, NackError):
            self._queue.add(key)

    async def drained(self, pod: Pod) -> None:
        """Return once nothing new is sent to ``pod`` and nothing is in flight there."""
        key, name = self._caches.revision_of_pod(pod), pod.metadata.name
        leavers = self._caches.leavers
        if key is None or leavers.find(key, name) is None:
            return
        try:
            await self._program(key)
            endpoint = leavers.find(key, name)
            if endpoint is not None:
                await self._gateway.drained(key, endpoint)
        finally:
            leavers.finish(key, name)
            self._queue.add(key)

    # --- following --------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._program(key)
            except (PushTimeoutError, NackError) as error:
                self._queue.add_rate_limited(key)
                log.warning("endpoints not in force", backend=str(key), error=str(error))
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)

    async def _program(self, key: BackendKey) -> None:
        endpoints = self._caches.endpoints(key)
        await self._gateway.set_endpoints(key, endpoints)
        if not endpoints:
            self._on_empty(key)

    def _on_slice(self, change: Change[EndpointSlice]) -> None:
        for obj in (change.old, change.new):
            service = obj.metadata.labels.get(SERVICE_NAME_LABEL) if obj is not None else None
            if obj is not None and service:
                self.renew_service(NamespacedName(obj.metadata.namespace, service))

    def _on_pod(self, change: Change[Pod]) -> None:
        key = self._caches.revision_of_pod(change.object)
        if key is None:
            return
        if change.new is None:
            self._caches.leavers.forget(key.namespace, change.object.metadata.name)
        told = self._caches.take_back(change.object)
        before = listed_of(told or change.old) if change.old is not None else None
        after = listed_of(change.new) if change.new is not None else None
        if before != after:
            self._queue.add(key)
