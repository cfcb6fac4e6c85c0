"""Asking registries what tags stand for, beside the reconciler, once for each Revision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from wakeful.aio import Backoff, Clock, SystemClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.serving.revision_lifecycle import missing_image_message
from wakeful.oci import Keychain

log = structlog.get_logger("wakeful.reconciler.serving.digests")


class DigestResolver(Protocol):
    """Says what an image's tag stands for just now."""

    async def resolve(
        self,
        image: str,
        *,
        keychain: Keychain | None = None,
        skip_registries: Collection[str] = (),
        timeout: float = 10.0,
    ) -> str:
        """The image by digest; empty when its registry is not to be asked."""
        ...


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """Which images, as whom, under which rules."""

    key: NamespacedName
    uid: str
    images: tuple[str, ...]
    keychain: Keychain = field(default_factory=Keychain)
    skip_registries: frozenset[str] = frozenset()
    timeout_seconds: float = 10.0


@dataclass(slots=True)
class Resolution:
    """How far a request is: ``digests`` when it went well, ``error`` when it did not."""

    uid: str
    done: asyncio.Event = field(default_factory=asyncio.Event)
    digests: dict[str, str] = field(default_factory=dict)
    error: str = ""
    retry_at: float = 0.0
    """When a failed request may be repeated, on the queue's clock."""
    waiting: int = 0
    """Reconcilers that have not given up waiting."""


class DigestQueue:
    """Resolves in the background, so that a slow registry holds up nobody else's Revision.

    A reconciler asks, waits for a moment, and otherwise comes back when it is enqueued with the
    answer. After a failure the next request for the same Revision is held back, longer each time.
    """

    name = "digests"

    def __init__(
        self,
        resolver: DigestResolver,
        *,
        clock: Clock | None = None,
        workers: int = 16,
        patience: float = 0.25,
    ) -> None:
        self._resolver, self._clock = resolver, clock or SystemClock()
        self._workers, self._patience = workers, patience
        self._queue: asyncio.Queue[ResolveRequest] = asyncio.Queue()
        self._results: dict[NamespacedName, Resolution] = {}
        self._backoff: dict[NamespacedName, Backoff] = {}
        self._answered: Callable[[NamespacedName], None] = lambda key: None

    def on_answer(self, enqueue: Callable[[NamespacedName], None]) -> None:
        """Whom to tell that a Revision's answer is there."""
        self._answered = enqueue

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(), name=f"{self.name}:{number}")

    async def resolve(self, request: ResolveRequest) -> Resolution | None:
        """The answer, or None while it is not there; the Revision is enqueued when it is."""
        found = self._results.get(request.key)
        if found is None or found.uid != request.uid or self._is_due(found):
            found = self._results[request.key] = Resolution(request.uid)
            self._queue.put_nowait(request)
        found.waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await found.done.wait()
        except TimeoutError:
            return found if found.done.is_set() else None
        finally:
            found.waiting -= 1
        return found

    def retry_after(self, failed: Resolution) -> float:
        """Seconds until a request that failed is repeated if asked for again."""
        return max(0.001, failed.retry_at - self._clock.monotonic())

    def _is_due(self, found: Resolution) -> bool:
        return bool(found.error) and found.retry_at <= self._clock.monotonic()

    def forget(self, key: NamespacedName) -> None:
        """The Revision has its digests, or is gone."""
        self._results.pop(key, None)
        self._backoff.pop(key, None)

    async def _work(self) -> None:
        while True:
            request = await self._queue.get()
            result = self._results.get(request.key)
            if result is None or result.uid != request.uid:
                continue  # forgotten meanwhile
            await self._answer(request, result)
            result.done.set()
            if not result.waiting:
                self._answered(request.key)

    async def _answer(self, request: ResolveRequest, result: Resolution) -> None:
        for image in _distinct(request.images):
            try:
                result.digests[image] = await self._resolver.resolve(
                    image,
                    keychain=request.keychain,
                    skip_registries=request.skip_registries,
                    timeout=request.timeout_seconds,
                )
            except Exception as err:  # noqa: BLE001 - one image must not stop the others
                message = f"failed to resolve image to digest: {err}"
                result.error = missing_image_message(image, message)
                backoff = self._backoff.setdefault(request.key, Backoff(base=1, cap=300))
                result.retry_at = self._clock.monotonic() + backoff.next()
                log.info("image not resolved", image=image, error=str(err))
                return


def _distinct(images: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(images))
