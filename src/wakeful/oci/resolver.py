"""Tags to digests, once for each Revision, so that all its instances run the same bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from wakeful.oci.builtin.standins import StandIns
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import ImageError, ImageNotFoundError, RegistryUnavailableError
from wakeful.oci.manifest import Descriptor
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.store import ImageStore

SKIPPED_REGISTRIES = frozenset({"kind.local", "ko.local", "dev.local"})
"""Default of ``registries-skipping-tag-resolving``."""


class HeadClient(Protocol):
    """The one thing that is asked of a registry."""

    async def head(self, image: Reference, keychain: Keychain) -> Descriptor:
        """Return what ``image`` points to."""
        ...


async def resolve_digest(
    image: str,
    *,
    store: ImageStore,
    registry: HeadClient | None,
    keychain: Keychain | None = None,
    skip_registries: Collection[str] = SKIPPED_REGISTRIES,
    timeout: float = 10.0,
    stand_ins: StandIns | None = None,
) -> str:
    """Return ``image`` as ``repository@digest``, or "" when its registry is not to be asked.

    A name that was given in the local store wins over its registry: what was built here runs
    here. One that was pulled is looked up again, and serves as it is when that fails.
    An image given by digest is returned as it is written. ``stand_ins`` answer well-known names
    that neither has, with the digest of what stands in.

    Raises:
        InvalidReferenceError: ``image`` cannot be parsed.
        ImageNotFoundError: Neither the store nor the registry has it.
        UnauthorizedError: The registry wants other credentials.
        RegistryUnavailableError: No answer within ``timeout`` seconds, or none that helps.
    """
    reference = parse_reference(image)
    if reference.digest:
        return image
    if stand_ins and (digest := await stand_ins.choose(reference, keychain or Keychain())):
        return reference.with_digest(digest).name
    local = await asyncio.to_thread(_find, store, reference)
    if local and not store.is_pulled(reference):
        return reference.with_digest(local).name
    if reference.registry in skip_registries:
        return reference.with_digest(local).name if local else ""
    try:
        if registry is None:
            raise ImageNotFoundError(reference.familiar)
        async with asyncio.timeout(timeout):
            found = (await registry.head(reference, keychain or Keychain())).digest
    except (TimeoutError, ImageError) as error:
        if local:  # an old copy is better than no answer
            return reference.with_digest(local).name
        if isinstance(error, ImageError):
            raise
        problem = f"{reference.registry}: no answer within {timeout:g} s"
        raise RegistryUnavailableError(reference.familiar, problem) from error
    return reference.with_digest(found).name


def _find(store: ImageStore, reference: Reference) -> str:
    try:
        return store.resolve(reference)
    except ImageNotFoundError:
        return ""


class DigestResolver:
    """``resolve_digest`` with its surroundings filled in, as reconcilers are given it."""

    def __init__(
        self,
        store: ImageStore,
        registry: HeadClient | None,
        *,
        keychain: Keychain | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        self._store, self._registry, self._stand_ins = store, registry, stand_ins
        self._keychain = keychain or Keychain()

    async def resolve(
        self,
        image: str,
        *,
        keychain: Keychain | None = None,
        skip_registries: Collection[str] = SKIPPED_REGISTRIES,
        timeout: float = 10.0,
    ) -> str:
        """See ``resolve_digest``; ``keychain`` comes before the machine's own."""
        own = [keychain] if keychain else []
        return await resolve_digest(
            image,
            store=self._store,
            registry=self._registry,
            keychain=Keychain.merge([*own, self._keychain]),
            skip_registries=skip_registries,
            timeout=timeout,
            stand_ins=self._stand_ins,
        )
