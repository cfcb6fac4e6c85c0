"""One leader among several replicas, by a Lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    APIStatusError,
    ConflictError,
    NotFoundError,
)
from wakeful.apimachinery.meta import format_micro_time, parse_time
from wakeful.apimachinery.request import APIRequest, Transport, Verb

log = structlog.get_logger("wakeful.controller.leaderelection")

_GROUP, _VERSION = "coordination.k8s.io", "v1"


class LeaderElector:
    """Holds a Lease while it can, and runs the work only while it holds it.

    Durations are seconds; defaults are Knative's (``config-leader-election``). The optimistic lock
    on the Lease's resourceVersion is what makes this safe.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        name: str,
        namespace: str,
        identity: str,
        lease_seconds: float = 60,
        renew_seconds: float = 40,
        retry_seconds: float = 10,
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._name, self._namespace, self._identity = name, namespace, identity
        self._lease, self._renew, self._retry = lease_seconds, renew_seconds, retry_seconds
        self._clock = clock or SystemClock()
        self._observed: tuple[str, float] = ("", 0.0)

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait for leadership, then run ``lead``; when the lease is lost ``lead`` is cancelled.

        Returns when ``lead`` returns. The lease is released on the way out.
        """
        while True:
            while not await self._try_acquire():
                await self._clock.sleep(self._retry)
            log.info("became leader", lease=self._name, identity=self._identity)
            work = asyncio.ensure_future(lead())
            renewal = asyncio.ensure_future(self._keep())
            try:
                done, _ = await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
                if work in done:
                    await work
                    return
                log.warning("lost leadership", lease=self._name, identity=self._identity)
            finally:
                for task in (work, renewal):
                    task.cancel()
                await asyncio.gather(work, renewal, return_exceptions=True)
                await self._release()

    async def _keep(self) -> None:
        """Renew until that fails for longer than the renew deadline."""
        good = self._clock.monotonic()
        while self._clock.monotonic() - good < self._renew:
            await self._clock.sleep(self._retry)
            if await self._try_acquire():
                good = self._clock.monotonic()

    async def _try_acquire(self) -> bool:
        try:
            lease = await self._call(Verb.GET)
        except NotFoundError:
            body = self._wire(transitions=0, acquired=True)
            try:
                await self._call(Verb.CREATE, body)
            except (AlreadyExistsError, APIStatusError):
                return False
            return True
        except APIStatusError:
            return False
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self._identity and not self._expired(lease):
            return False
        transitions = int(spec.get("leaseTransitions") or 0)
        body = self._wire(
            transitions=transitions + (holder != self._identity), acquired=holder != self._identity
        )
        if holder == self._identity and "acquireTime" in spec:
            body["spec"]["acquireTime"] = spec["acquireTime"]
        body["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
        try:
            await self._call(Verb.UPDATE, body)
        except APIStatusError:
            return False
        return True

    def _expired(self, lease: dict[str, Any]) -> bool:
        """Judge by our own clock since we last saw the lease change, as client-go does."""
        version, now = lease["metadata"]["resourceVersion"], self._clock.monotonic()
        if version != self._observed[0]:
            self._observed = (version, now)
            renewed = parse_time((lease.get("spec") or {}).get("renewTime"))
            age = (self._clock.now() - renewed).total_seconds() if renewed else self._lease
            return bool(age > self._lease)
        return now - self._observed[1] > self._lease

    async def _release(self) -> None:
        try:
            lease = await self._call(Verb.GET)
            if (lease.get("spec") or {}).get("holderIdentity") != self._identity:
                return
            lease["spec"]["holderIdentity"] = ""
            await self._call(Verb.UPDATE, lease)
        except (APIStatusError, ConflictError):
            log.debug("lease not released", lease=self._name)

    def _wire(self, *, transitions: int, acquired: bool) -> dict[str, Any]:
        now = format_micro_time(self._clock.now())
        spec: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._lease)),
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        if acquired:
            spec["acquireTime"] = now
        return {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": spec,
        }

    async def _call(self, verb: Verb, body: Any = None) -> dict[str, Any]:
        return await self._transport.call(
            APIRequest(
                verb,
                _GROUP,
                _VERSION,
                "leases",
                namespace=self._namespace,
                name="" if verb is Verb.CREATE else self._name,
                body=body,
            )
        )
