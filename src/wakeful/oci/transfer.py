"""Whole images between registries and the local store."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wakeful.aio import Backoff, Clock, SystemClock, retry, to_thread_and_back
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import InvalidImageError, RegistryUnavailableError
from wakeful.oci.image import Progress
from wakeful.oci.manifest import (
    Descriptor,
    Index,
    Manifest,
    Platform,
    media_type_of,
    parse_config,
    parse_document,
)
from wakeful.oci.reference import Reference
from wakeful.oci.registry import RegistryClient
from wakeful.oci.store import ImageStore, ProgressCallback

_WRITE_BYTES = 1 << 20
_ATTEMPTS = 4


class Puller:
    """Fetches images into a store; what is there already is not fetched again.

    ``trust_host_rootfs`` allows images that run on the host's root file system. Such an image sees
    the host's files, so by default only those built or loaded on this machine may.
    """

    def __init__(
        self,
        registry: RegistryClient,
        store: ImageStore,
        *,
        platform: Platform | None = None,
        parallel_layers: int = 3,
        trust_host_rootfs: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._registry, self._store = registry, store
        self._platform = platform or Platform.of_this_machine()
        self._parallel = parallel_layers
        self._trust_host_rootfs = trust_host_rootfs
        self._clock = clock or SystemClock()

    async def pull(
        self,
        image: Reference,
        *,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Fetch ``image`` and return its digest: of the index, when it names one.

        Raises:
            ImageError: See ``RegistryClient``; ``InvalidImageError`` for content that is no image
                for this platform.

        Cancellation: safe anywhere; whole blobs are kept, half ones are taken up again.
        """
        keychain = keychain or Keychain()
        with self._store.ingesting():
            target, manifest, documents = await self._resolve(image, keychain)
            await self._fetch(image, manifest.config, keychain, _ignore)
            self._check_config(image, manifest)
            await self._fetch_layers(image, manifest, keychain, progress or _ignore)
            for data in reversed(documents):  # an index is stored after what it points to
                await asyncio.to_thread(self._store.write_blob, data)
            await asyncio.to_thread(
                self._store.add_image, target, image, pulled_from=image.registry
            )
        return target.digest

    async def _resolve(
        self, image: Reference, keychain: Keychain
    ) -> tuple[Descriptor, Manifest, list[bytes]]:
        """What the name means, the manifest for this platform, and all documents on the way."""
        target, data = await self._registry.manifest(image, keychain)
        document = parse_document(data, subject=image.familiar, media_type=target.media_type)
        documents = [data]
        if isinstance(document, Index):
            chosen = document.choose(self._platform)
            if chosen is None:
                raise InvalidImageError(image.familiar, f"no manifest for {self._platform}")
            _, data = await self._registry.manifest(image.with_digest(chosen.digest), keychain)
            documents.append(data)
            document = parse_document(data, subject=image.familiar)
        if not isinstance(document, Manifest):
            raise InvalidImageError(image.familiar, "an index that leads to another index")
        return target, document, documents

    async def _fetch_layers(
        self, image: Reference, manifest: Manifest, keychain: Keychain, report: ProgressCallback
    ) -> None:
        slots = asyncio.Semaphore(self._parallel)

        async def fetch(layer: Descriptor) -> None:
            async with slots:
                await self._fetch(image, layer, keychain, report)

        layers = {layer.digest: layer for layer in manifest.layers}
        try:
            async with asyncio.TaskGroup() as group:
                for layer in layers.values():
                    group.create_task(fetch(layer), name=f"oci-pull:{layer.digest[7:19]}")
        except ExceptionGroup as failures:  # the first to fail has cancelled the others
            raise failures.exceptions[0] from failures

    def _check_config(self, image: Reference, manifest: Manifest) -> None:
        data = self._store.read_blob(manifest.config.digest)
        config = parse_config(data, subject=image.familiar)
        if len(config.diff_ids) != len(manifest.layers):
            raise InvalidImageError(image.familiar, "not a container image")
        if config.architecture and config.architecture != self._platform.architecture:
            here = Platform(config.os, config.architecture)
            raise InvalidImageError(image.familiar, f"made for {here}, this is {self._platform}")
        if config.on_host_rootfs and not self._trust_host_rootfs:
            raise InvalidImageError(
                image.familiar,
                "wants to run on this machine's root file system, which only images that were "
                "built or loaded here may; pull it with --allow-host-rootfs if you trust it",
            )

    async def _fetch(
        self, image: Reference, blob: Descriptor, keychain: Keychain, report: ProgressCallback
    ) -> None:
        if self._store.has_blob(blob.digest):
            report(Progress(blob.digest, blob.size, blob.size))
            return
        with _growing(self._store, blob.digest) as path:
            await retry(
                lambda: self._download(image, blob, keychain, path, report),
                RegistryUnavailableError,
                backoff=Backoff(base=0.2, cap=5.0),
                clock=self._clock,
                attempts=_ATTEMPTS,
            )
            await to_thread_and_back(self._store.adopt_blob, path, blob.digest)

    async def _download(
        self,
        image: Reference,
        blob: Descriptor,
        keychain: Keychain,
        path: Path,
        report: ProgressCallback,
    ) -> None:
        have = (await asyncio.to_thread(path.stat)).st_size
        if have > blob.size:
            have = 0
        if have == blob.size and have:
            return
        with path.open("r+b") as file:
            async with self._registry.blob(image, blob.digest, keychain, offset=have) as (
                start,
                chunks,
            ):
                file.seek(start)
                await to_thread_and_back(file.truncate, start)
                done = start
                async for piece in _gathered(chunks):
                    done += len(piece)
                    if done > blob.size:
                        raise InvalidImageError(blob.digest, f"larger than {blob.size} bytes")
                    await to_thread_and_back(file.write, piece)
                    report(Progress(blob.digest, done, blob.size))
        if done < blob.size:
            raise RegistryUnavailableError(image.familiar, f"{blob.digest}: ended early at {done}")


class Pusher:
    """Sends images from the store to a registry; blobs that are there already are not sent."""

    def __init__(self, registry: RegistryClient, store: ImageStore) -> None:
        self._registry, self._store = registry, store

    async def push(
        self,
        image: Reference,
        *,
        target: Reference | None = None,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Send ``image`` under its own name or ``target``; return the digest that it has there.

        Of an index whose other platforms are not stored, only this machine's manifest is sent.
        """
        keychain, target, report = keychain or Keychain(), target or image, progress or _ignore
        with self._store.ingesting():
            info = self._store.info(image)
            digest = info.digest
            document = parse_document(self._store.read_blob(digest), subject=digest)
            if isinstance(document, Index):
                children = [m.digest for m in document.manifests]
                if not all(self._store.has_blob(child) for child in children):
                    digest, children = info.manifest_digest, []
                for child in children:
                    await self._push_one(target.with_digest(child), child, keychain, report)
                if children:
                    await self._put(target, digest, keychain)
                    return digest
            await self._push_one(target, digest, keychain, report)
            return digest

    async def _push_one(
        self, target: Reference, digest: str, keychain: Keychain, report: ProgressCallback
    ) -> None:
        manifest = parse_document(self._store.read_blob(digest), subject=digest)
        if not isinstance(manifest, Manifest):
            raise InvalidImageError(digest, "an index that leads to another index")
        for blob in (manifest.config, *manifest.layers):
            if not await self._registry.has_blob(target, blob.digest, keychain):
                content = _reader(self._store.blob_path(blob.digest), blob, report)
                await self._registry.upload_blob(target, blob, content, keychain)
            report(Progress(blob.digest, blob.size, blob.size))
        await self._put(target, digest, keychain)

    async def _put(self, target: Reference, digest: str, keychain: Keychain) -> None:
        data = self._store.read_blob(digest)
        descriptor = Descriptor(media_type_of(data, subject=digest), digest, len(data))
        await self._registry.upload_manifest(target, descriptor, data, keychain)


@contextmanager
def _growing(store: ImageStore, digest: str) -> Iterator[Path]:
    """Yield a file to download into: the one an earlier attempt left, unless it is in use."""
    path = store.partial_path(digest)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            own = True
        else:
            own = False
            yield path
    if own:
        path = store.temporary_path()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces that are worth a trip to another thread."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        if len(pending) >= _WRITE_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def _reader(
    path: Path, blob: Descriptor, report: ProgressCallback
) -> Callable[[], AsyncIterator[bytes]]:
    async def read() -> AsyncIterator[bytes]:
        done = 0
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _WRITE_BYTES):
                yield piece
                done += len(piece)
                report(Progress(blob.digest, done, blob.size))

    return read


def _ignore(_: Progress) -> None:
    pass
