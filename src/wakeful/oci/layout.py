"""The local image store as a directory in OCI image layout."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from wakeful.oci.blobs import BlobDirectory
from wakeful.oci.errors import ImageError, ImageNotFoundError, InvalidImageError
from wakeful.oci.hostrootfs import HostPaths, host_mounts
from wakeful.oci.image import (
    ImageInfo,
    ImageSummary,
    RootfsPlan,
)
from wakeful.oci.index import ADDED, PULLED_FROM, NameIndex
from wakeful.oci.manifest import (
    OCI_LAYER,
    Descriptor,
    Index,
    Manifest,
    Platform,
    media_type_of,
    parse_config,
    parse_document,
)
from wakeful.oci.pins import Pins
from wakeful.oci.reference import Reference, is_digest, parse_reference
from wakeful.oci.rootfs import RootfsCache, find_user
from wakeful.oci.store import Removal

UNNAMED = "untagged"
"""Stands for the repository of an image that came without a name."""


class LayoutStore:
    """Images under one directory; any number of processes may use it at once.

    ``blobs/sha256`` and ``index.json`` are an OCI layout that other tools read too. ``rootfs``
    holds unpacked images by the chain of their layers, ``pins`` who uses which image,
    ``host-paths`` the directories of this machine that images built here may see.
    """

    def __init__(self, root: Path, *, platform: Platform | None = None) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._platform = platform or Platform.of_this_machine()
        self._blobs = BlobDirectory(root)
        self._index = NameIndex(root)
        self._rootfs = RootfsCache(root / "rootfs", self._blobs)
        self._pins = Pins(root / "pins")
        self._host_paths = HostPaths(root / "host-paths")
        self._known: dict[str, ImageInfo] = {}

    # --- names -------------------------------------------------------------------------------

    def resolve(self, image: Reference | str) -> str:
        """Return the digest that ``image`` has here."""
        digest, reference = _identify(image)
        entries = self._index.entries()
        if digest:
            known = any(target.digest == digest for target in entries.values())
            if known or self._is_document(digest):
                return digest
        elif reference is not None and (target := entries.get(reference.name)) is not None:
            return target.digest
        raise ImageNotFoundError(str(image) if reference is None else reference.familiar)

    def info(self, image: Reference | str) -> ImageInfo:
        """Return what is known about ``image``."""
        digest = self.resolve(image)
        if (info := self._known.get(digest)) is None:
            info = self._known[digest] = self._read_info(digest)
        names = (n for n, target in self._index.entries().items() if target.digest == digest)
        return replace(info, names=tuple(sorted(names)))

    def is_pulled(self, image: Reference | str) -> bool:
        """Whether the name is a copy of a registry's, which may have moved on since."""
        _, reference = _identify(image)
        target = self._index.entries().get(reference.name) if reference else None
        return target is not None and PULLED_FROM in target.annotations

    def images(self) -> list[ImageSummary]:
        """Return every name, sorted."""
        pinned = set(self.pins().values())
        summaries = []
        for name, target in self._index.entries().items():
            reference = parse_reference(name)
            repository = reference.familiar_repository
            try:
                info = self.info(target.digest)
            except ImageError:  # removed by another process since, or damaged: still to be listed
                created, size, stand_in = None, 0, ""
            else:
                created, size = info.config.created, info.size_bytes
                stand_in = info.config.stand_in
            summaries.append(
                ImageSummary(
                    repository="<none>" if name.startswith(f"{UNNAMED}@") else repository,
                    tag=reference.tag or "",
                    digest=target.digest,
                    created=created or _parse_added(target),
                    size_bytes=size,
                    pinned=target.digest in pinned,
                    stand_in=stand_in,
                )
            )
        return sorted(summaries, key=lambda s: (s.repository, s.tag, s.digest))

    def tag(self, image: Reference | str, name: Reference | str) -> str:
        """Let ``name`` point to ``image`` and return its digest."""
        with self._blobs.ingesting():
            return self._tag(image, name)

    def _tag(self, image: Reference | str, name: Reference | str) -> str:
        digest = self.resolve(image)
        known = (t for t in self._index.entries().values() if t.digest == digest)
        target = next(known, None) or self._describe(digest)
        return self.add_image(target, name)

    def add_image(
        self, target: Descriptor, name: Reference | str | None, *, pulled_from: str = ""
    ) -> str:
        """Let ``name`` point to a manifest or index whose blobs are stored; return its digest."""
        reference = parse_reference(name) if isinstance(name, str) else name
        key = reference.name if reference else f"{UNNAMED}@{target.digest}"
        if reference and reference.digest and reference.digest != target.digest:
            raise InvalidImageError(key, f"cannot name an image with digest {target.digest!r}")
        with self._index.changing() as entries:
            before = entries.get(key)
            notes = {ADDED: datetime.now(UTC).isoformat(timespec="seconds")}
            if pulled_from:
                notes[PULLED_FROM] = pulled_from
            entries[key] = replace(target, annotations=notes)
            digests = {t.digest for t in entries.values()}
            if before is not None and reference is not None and before.digest not in digests:
                entries[reference.with_digest(before.digest).name] = before
        return target.digest

    # --- removal -----------------------------------------------------------------------------

    async def remove(self, image: Reference | str) -> Removal:
        """Take the name away, or every name when given a digest, then delete what is unused."""
        return await asyncio.to_thread(self._remove, image)

    async def prune(self, *, keep: Collection[str] = ()) -> Removal:
        """Delete images that have no tag, are not pinned and whose digest is not in ``keep``."""
        return await asyncio.to_thread(self._prune, frozenset(keep))

    def _remove(self, image: Reference | str) -> Removal:
        digest, reference = _identify(image)
        with self._index.changing() as entries:
            if digest:
                gone = [name for name, target in entries.items() if target.digest == digest]
            else:
                gone = [n for n in entries if reference is not None and n == reference.name]
            if not gone:
                raise ImageNotFoundError(str(image) if reference is None else reference.familiar)
            for name in gone:
                del entries[name]
        return self._collect(tuple(sorted(gone)))

    def _prune(self, keep: frozenset[str]) -> Removal:
        keep |= frozenset(self.pins().values())
        with self._index.changing() as entries:
            gone = [n for n, t in entries.items() if "@" in n and t.digest not in keep]
            for name in gone:
                del entries[name]
        return self._collect(tuple(sorted(gone)))

    def _collect(self, untagged: tuple[str, ...]) -> Removal:
        """Delete blobs and directories that no name and no pin leads to."""
        with self._blobs.deleting() as alone:
            if not alone:  # the next removal finds them
                return Removal(untagged)
            roots = {target.digest for target in self._index.entries().values()}
            roots.update(self.pins().values())
            live: set[str] = set()
            chains: set[str] = set()
            for root in roots:
                self._mark(root, live, chains)
            deleted, freed = [], 0
            for digest, size in list(self._blobs.all()):
                if digest not in live:
                    self._blobs.delete(digest)
                    self._known.pop(digest, None)
                    deleted.append(digest)
                    freed += size
            unused = self._rootfs.set_aside_all_but(chains)
        for directory in unused:  # nobody waits for this
            shutil.rmtree(directory, ignore_errors=True)
        return Removal(untagged, tuple(sorted(deleted)), freed)

    def _mark(self, digest: str, live: set[str], chains: set[str]) -> None:
        if digest in live or not self._blobs.has(digest):
            return
        live.add(digest)
        document = parse_document(self._blobs.read(digest), subject=digest)
        if isinstance(document, Index):
            for manifest in document.manifests:
                self._mark(manifest.digest, live, chains)
            return
        live.add(document.config.digest)
        live.update(layer.digest for layer in document.layers)
        if self._blobs.has(document.config.digest):
            data = self._blobs.read(document.config.digest)
            chains.add(chain_id(parse_config(data, subject=digest).diff_ids))

    # --- running -----------------------------------------------------------------------------

    async def unpack(self, image: Reference | str, *, holder: str = "") -> RootfsPlan:
        """Lay the image out as directories, once, and say how to run it.

        With ``holder``, what is returned is pinned from the start.
        """
        # What is laid out already is found sooner than a thread.
        if (plan := self._find_unpacked(image, holder)) is not None:
            return plan
        return await asyncio.to_thread(self._unpack, image, holder)

    def _find_unpacked(self, image: Reference | str, holder: str) -> RootfsPlan | None:
        with self._blobs.ingesting_if_free() as free:
            if not free:
                return None
            info = self.info(image)
            root = self._rootfs.find(chain_id(info.config.diff_ids))
            if root is None:
                return None
            if holder:
                self._pins.put(holder, info.digest)
        return self._plan(image, info, root)

    def _unpack(self, image: Reference | str, holder: str) -> RootfsPlan:
        with self._blobs.ingesting():
            info = self.info(image)
            subject = f"image {str(image)!r}"
            config = info.config
            if len(config.diff_ids) != len(info.layers):
                raise InvalidImageError(subject, "layers and diff_ids differ in number")
            layers = list(zip(info.layers, config.diff_ids, strict=True))
            root = self._rootfs.ensure(chain_id(config.diff_ids), layers, subject=subject)
            if holder:
                self._pins.put(holder, info.digest)
        return self._plan(image, info, root)

    def _plan(self, image: Reference | str, info: ImageInfo, root: Path) -> RootfsPlan:
        config = info.config
        return RootfsPlan(
            image=str(image),
            digest=info.digest,
            rootfs=None if config.on_host_rootfs else root,
            mounts=host_mounts(root, config, self.host_paths()) if config.on_host_rootfs else (),
            entrypoint=config.entrypoint,
            cmd=config.cmd,
            env=config.env,
            workdir=config.workdir or "/",
            user=find_user(root, config.user),
            exposed_ports=config.exposed_ports,
            volumes=config.volumes,
            stop_signal=config.stop_signal or "SIGTERM",
        )

    def host_paths(self) -> frozenset[str]:
        """Directories of this machine that images for the host's root file system may see."""
        return self._host_paths.all()

    def allow_host_path(self, path: str) -> None:
        """Let images see ``path``; the builder does, for interpreters outside of ``/usr``."""
        self._host_paths.add(path)

    def pin(self, digest: str, holder: str) -> None:
        """Keep the image and its directories while ``holder`` uses them."""
        with self._blobs.ingesting():
            self._pins.put(holder, self.resolve(digest))

    def unpin(self, holder: str) -> None:
        """Give up the pin of ``holder``."""
        self._pins.remove(holder)

    def pins(self) -> dict[str, str]:
        """Return holder → digest."""
        return self._pins.all()

    # --- blobs -------------------------------------------------------------------------------

    def ingesting(self) -> AbstractContextManager[None]:
        """Hold off deletion while blobs are written that nothing refers to yet."""
        return self._blobs.ingesting()

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is stored, whole and verified."""
        return self._blobs.has(digest)

    def read_blob(self, digest: str) -> bytes:
        """Return a small blob: a manifest or a configuration."""
        return self._blobs.read(digest)

    def blob_path(self, digest: str) -> Path:
        """Return where the blob lies."""
        return self._blobs.path(digest)

    def write_blob(self, data: bytes) -> str:
        """Store a small blob and return its digest."""
        return self._blobs.write(data)

    def add_blob(self, source: IO[bytes], digest: str | None = None) -> Descriptor:
        """Store what ``source`` yields, verified against ``digest`` when given."""
        stored, size = self._blobs.add(source, digest)
        return Descriptor(OCI_LAYER, stored, size)

    def partial_path(self, digest: str) -> Path:
        """Return where a download of ``digest`` may grow and be taken up again."""
        return self._blobs.partial(digest)

    def temporary_path(self) -> Path:
        """Return a fresh file in which a blob may grow."""
        return self._blobs.temporary()

    def adopt_blob(self, path: Path, digest: str) -> None:
        """Verify the file and make it the blob ``digest``; a wrong one is deleted."""
        self._blobs.adopt(path, digest)

    # --- reading -----------------------------------------------------------------------------

    def _is_document(self, digest: str) -> bool:
        """Whether a stored blob is a manifest or index, such as one platform's of an index."""
        if not self._blobs.has(digest) or self._blobs.path(digest).stat().st_size > 1 << 22:
            return False
        try:
            parse_document(self._blobs.read(digest), subject=digest)
        except InvalidImageError:
            return False
        return True

    def _describe(self, digest: str) -> Descriptor:
        data = self._blobs.read(digest)
        return Descriptor(media_type_of(data, subject=digest), digest, len(data))

    def _read_info(self, digest: str) -> ImageInfo:
        manifest_digest, manifest = self._manifest(digest)
        data = self._blobs.read(manifest.config.digest)
        return ImageInfo(
            digest=digest,
            manifest_digest=manifest_digest,
            config_digest=manifest.config.digest,
            config=parse_config(data, subject=digest),
            layers=tuple(layer.digest for layer in manifest.layers),
            size_bytes=manifest.config.size + sum(layer.size for layer in manifest.layers),
        )

    def _manifest(self, digest: str) -> tuple[str, Manifest]:
        document = parse_document(self._blobs.read(digest), subject=digest)
        if isinstance(document, Manifest):
            return digest, document
        chosen = document.choose(self._platform)
        if chosen is None:
            raise InvalidImageError(f"image {digest!r}", f"no manifest for {self._platform}")
        return self._manifest(chosen.digest)


def chain_id(diff_ids: Collection[str]) -> str:
    """Name a stack of layers, as the image specification does."""
    chain = ""
    for diff_id in diff_ids:
        link = f"{chain} {diff_id}".encode()
        chain = f"sha256:{hashlib.sha256(link).hexdigest()}" if chain else diff_id
    return chain or "sha256:" + "0" * 64


def _parse_added(target: Descriptor) -> datetime | None:
    try:
        return datetime.fromisoformat(target.annotations.get(ADDED, ""))
    except ValueError:
        return None


def _identify(image: Reference | str) -> tuple[str, Reference | None]:
    """Split into a digest, or else a reference by tag."""
    if isinstance(image, str):
        if is_digest(image):
            return image, None
        image = parse_reference(image)
    return image.digest or "", image
