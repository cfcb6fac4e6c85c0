"""What the node agent asks for: an image by the rules of a container's ``imagePullPolicy``."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol

from wakeful.oci.builtin.model import Needs
from wakeful.oci.builtin.standins import StandIns
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import ImageError, ImageNotFoundError, ImageNotPresentError
from wakeful.oci.image import Progress, ReadOnlyMount, RootfsPlan
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.resolver import SKIPPED_REGISTRIES
from wakeful.oci.store import ImageStore, ProgressCallback

BUILDER_SOCKET = PurePosixPath("/.wakeful/builder/socket")
"""Where a built-in image that needs the builder finds it."""


class PullPolicy(StrEnum):
    """``imagePullPolicy`` of a container."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class ImageProvider(Protocol):
    """Brings images to this machine, ready to run."""

    async def provide(
        self,
        image: str,
        *,
        policy: PullPolicy = PullPolicy.IF_NOT_PRESENT,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
        holder: str = "",
    ) -> RootfsPlan:
        """Return how to run ``image``, fetching and unpacking it first when needed.

        Callers that ask for the same image at the same time share one transfer. ``holder`` keeps
        the image's files in place, whatever becomes of its names, until it is released; a holder
        holds the last image it asked for. ``progress`` hears at once when a registry is asked.

        Raises:
            InvalidReferenceError: The kubelet's ``InvalidImageName``.
            ImageNotPresentError: ``ErrImageNeverPull``.
            ImageError: Any other; ``ErrImagePull``, then ``ImagePullBackOff``.
        """
        ...

    def release(self, holder: str) -> None:
        """Let the image of ``holder`` go; an unknown holder is no error."""
        ...

    def holders(self) -> Collection[str]:
        """Who holds images, also on behalf of a process that is gone."""
        ...


_HERE_ONLY = "the local image store; `wakeful build DIR -t NAME` puts it there"
"""A name like ``dev.local/hello`` is of no registry: asking for one hides the mistake."""


class ImagePuller(Protocol):
    """Fetches an image from its registry into the local store."""

    async def pull(
        self,
        image: Reference,
        *,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Fetch ``image`` and return its digest."""
        ...


class StoreProvider:
    """Images from the local store, and from registries what it lacks.

    A name that was built or loaded here is used even under ``Always``: on one machine, the local
    store is what images are pushed to. So is one that its registry cannot renew just now.

    ``stand_ins`` answer well-known names that neither the store nor a registry has.
    """

    def __init__(
        self,
        store: ImageStore,
        puller: ImagePuller | None,
        *,
        keychain: Keychain | None = None,
        stand_ins: StandIns | None = None,
        builder_socket: Path | None = None,
    ) -> None:
        self._store, self._puller, self._stand_ins = store, puller, stand_ins
        self._builder_socket = builder_socket
        self._keychain = keychain or Keychain()
        self._busy: dict[tuple[str, Keychain], asyncio.Lock] = {}

    async def provide(
        self,
        image: str,
        *,
        policy: PullPolicy = PullPolicy.IF_NOT_PRESENT,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
        holder: str = "",
    ) -> RootfsPlan:
        """Return how to run ``image``, fetching and unpacking it first when needed."""
        reference = parse_reference(image)
        own = [keychain] if keychain else []
        merged = Keychain.merge([*own, self._keychain])
        if self._stand_ins and (digest := await self._stand_ins.choose(reference, merged)):
            return self._dress(await self._store.unpack(digest, holder=holder), image)
        present = self._is_present(reference)
        if not present and policy is PullPolicy.NEVER:
            raise ImageNotPresentError(image)
        stale = policy is PullPolicy.ALWAYS and self._store.is_pulled(reference)
        if not present or (stale and reference.digest is None):
            await self._pull(reference, merged, present, progress)
        return self._dress(await self._store.unpack(reference, holder=holder), image)

    def _dress(self, plan: RootfsPlan, image: str) -> RootfsPlan:
        """Say when the image is a built-in one, and give it what it needs of the platform."""
        builtin = self._stand_ins.describe(plan.digest) if self._stand_ins else None
        if builtin is None:
            return plan
        mounts = plan.mounts
        if builtin.needs is Needs.BUILDER and self._builder_socket is not None:
            # The directory, not the socket: another control plane puts another socket there.
            mounts += (ReadOnlyMount(self._builder_socket.parent, BUILDER_SOCKET.parent),)
        return replace(plan, image=image, mounts=mounts, stand_in=builtin.description)

    def release(self, holder: str) -> None:
        """Let the image of ``holder`` go."""
        self._store.unpin(holder)

    def holders(self) -> Collection[str]:
        """Who holds images."""
        return self._store.pins().keys()

    async def _pull(
        self,
        reference: Reference,
        keychain: Keychain,
        present: bool,
        progress: ProgressCallback | None,
    ) -> None:
        if self._puller is None or reference.registry in SKIPPED_REGISTRIES:
            if present:
                return
            raise ImageNotFoundError(reference.familiar, where=_HERE_ONLY)
        key = (reference.name, keychain)
        lock = self._busy.setdefault(key, asyncio.Lock())
        waited = lock.locked()
        if progress is not None:
            progress(Progress(reference.familiar, 0, 0))  # a registry may take its time to answer
        try:
            async with lock:
                if waited and self._is_present(reference):
                    return  # whoever held the lock has just fetched it
                try:
                    await self._puller.pull(reference, keychain=keychain, progress=progress)
                except ImageError:
                    if not present:
                        raise
        finally:
            if not lock.locked():
                self._busy.pop(key, None)

    def _is_present(self, reference: Reference) -> bool:
        with suppress(ImageNotFoundError):
            self._store.resolve(reference)
            return True
        return False
