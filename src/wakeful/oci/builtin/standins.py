"""When a built-in image stands in for the one that was asked for."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from wakeful.aio import Clock, SystemClock
from wakeful.config import StandInMode
from wakeful.oci.builtin.model import BuiltinImage, Catalog
from wakeful.oci.builtin.storing import store_builtin
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import (
    ImageError,
    ImageNotFoundError,
    RegistryUnavailableError,
    UnauthorizedError,
)
from wakeful.oci.manifest import Descriptor
from wakeful.oci.reference import Reference
from wakeful.oci.store import ImageStore

log = structlog.get_logger("wakeful.oci.builtin")

_PROBE_SECONDS = 5.0
_REMEMBERED_SECONDS = 300.0


class RegistryHead(Protocol):
    """The one thing that is asked of a registry: whether it has the image."""

    async def head(self, image: Reference, keychain: Keychain) -> Descriptor:
        """Return what ``image`` points to."""
        ...


class StandIns:
    """Chooses between an image and its stand-in, and puts the stand-in into the store.

    A registry that could not be reached is left alone for five minutes, so that a machine without
    a network waits for it once and not at the start of every container.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ImageStore,
        registry: RegistryHead | None,
        *,
        mode: StandInMode = StandInMode.AUTO,
        clock: Clock | None = None,
    ) -> None:
        self._catalog, self._store, self._registry = catalog, store, registry
        self._mode, self._clock = mode, clock or SystemClock()
        self._unreachable: dict[str, float] = {}
        self._made: dict[str, str] = {}
        self._making = asyncio.Lock()

    async def choose(self, reference: Reference, keychain: Keychain) -> str:
        """Return the digest of the stand-in for ``reference``; "" when there is to be none.

        What is in the store under that name and is no stand-in itself comes first, then the
        registry, then the stand-in.
        """
        if self._has_real(reference):  # asked first: it is quickly told, and a start waits for it
            return ""
        image = self._answer(reference)
        if image is None:
            return ""
        if not await self._prefers_real(image, reference, keychain):
            return await self._ensure(image, reference)
        return ""

    def describe(self, digest: str) -> BuiltinImage | None:
        """Return the entry that the image ``digest`` was made of; None for any other image."""
        try:
            name = self._store.info(digest).config.stand_in
        except ImageError:
            return None
        return next((image for image in self._catalog.images if image.name == name), None)

    def _answer(self, reference: Reference) -> BuiltinImage | None:
        if self._mode is StandInMode.NEVER:
            return None
        return self._catalog.find(reference)

    def _has_real(self, reference: Reference) -> bool:
        """Whether exactly this image is here; by digest, a stand-in is as good as any."""
        try:
            info = self._store.info(reference)
        except ImageNotFoundError:
            return False
        return bool(reference.digest) or not info.config.stand_in

    async def _prefers_real(
        self, image: BuiltinImage, reference: Reference, keychain: Keychain
    ) -> bool:
        if self._registry is None or image.always or self._mode is StandInMode.ALWAYS:
            return False
        until = self._unreachable.get(reference.registry, 0.0)
        if self._clock.monotonic() < until:
            return False
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._registry.head(reference, keychain)
        except (TimeoutError, RegistryUnavailableError) as error:
            log.info(
                "registry cannot be reached, built-in images stand in",
                registry=reference.registry,
                error=str(error),
            )
            now = self._clock.monotonic()
            self._unreachable[reference.registry] = now + _REMEMBERED_SECONDS
            return False
        except UnauthorizedError:  # also what stands between this machine and the registry
            return False
        except ImageError:
            return not image.even_if_refused  # else the caller meets the error, and reports it
        return True

    async def _ensure(self, image: BuiltinImage, reference: Reference) -> str:
        made = self._made.get(reference.name)
        if made is not None and self._is_stored(made):
            return made
        async with self._making:
            digest = await asyncio.to_thread(store_builtin, image, reference, self._store)
        self._made[reference.name] = digest
        log.info("built-in image stands in", image=reference.familiar, builtin=image.name)
        return digest

    def _is_stored(self, digest: str) -> bool:
        try:
            return bool(self._store.resolve(digest))
        except ImageNotFoundError:
            return False
