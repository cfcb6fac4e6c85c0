"""The role of the local image store: what the node agent, the builder and the CLI need of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from wakeful.oci.image import ImageInfo, ImageSummary, Progress, RootfsPlan
from wakeful.oci.manifest import Descriptor
from wakeful.oci.reference import Reference

ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Removal:
    """What ``remove`` and ``prune`` did."""

    untagged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    """Digests of blobs that nobody refers to any more."""
    freed_bytes: int = 0


class ImageStore(Protocol):
    """Content-addressed images on this machine, shared by every process that opens the directory.

    An image is named by a reference or by its bare digest (``sha256:…``). A name that is tagged
    here needs no registry. A tag that moves leaves its old image behind, reachable by digest: a
    Revision may still need it.
    """

    def resolve(self, image: Reference | str) -> str:
        """Return the digest that ``image`` has here.

        Raises:
            ImageNotFoundError: Nothing of that name or digest is stored.
        """
        ...

    def info(self, image: Reference | str) -> ImageInfo:
        """Return what is known about ``image``; same errors as ``resolve``."""
        ...

    def is_pulled(self, image: Reference | str) -> bool:
        """Whether the name is a copy of a registry's, which may have moved on since.

        Names given by building, loading or tagging are this machine's own.
        """
        ...

    def images(self) -> Sequence[ImageSummary]:
        """Return every name, sorted; one image may have several."""
        ...

    def tag(self, image: Reference | str, name: Reference | str) -> str:
        """Let ``name`` point to ``image`` and return its digest."""
        ...

    async def remove(self, image: Reference | str) -> Removal:
        """Take the name away, or every name when given a digest, then delete what is unused."""
        ...

    async def prune(self, *, keep: Collection[str] = ()) -> Removal:
        """Delete images that have no tag, are not pinned and whose digest is not in ``keep``."""
        ...

    async def unpack(self, image: Reference | str, *, holder: str = "") -> RootfsPlan:
        """Lay the image out as directories, once, and say how to run it.

        Later calls, from any process, find the directories and return at once. With ``holder``,
        what is returned is pinned from the start.
        """
        ...

    def allow_host_path(self, path: str) -> None:
        """Let images built here see a directory of this machine; the builder says which."""
        ...

    def pin(self, digest: str, holder: str) -> None:
        """Keep the image and its directories while ``holder`` (an instance) uses them.

        Pins are files: they outlive the process, and ``unpin`` of an unknown holder is no error.
        """
        ...

    def unpin(self, holder: str) -> None:
        """Give up the pin of ``holder``."""
        ...

    def pins(self) -> dict[str, str]:
        """Return holder → digest, to be compared with the instances that exist."""
        ...

    def ingesting(self) -> AbstractContextManager[None]:
        """Hold off deletion while blobs are written that nothing refers to yet."""
        ...

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is stored, whole and verified."""
        ...

    def read_blob(self, digest: str) -> bytes:
        """Return a small blob: a manifest or a configuration."""
        ...

    def blob_path(self, digest: str) -> Path:
        """Return where the blob lies."""
        ...

    def write_blob(self, data: bytes) -> str:
        """Store a small blob and return its digest."""
        ...

    def add_blob(self, source: IO[bytes], digest: str | None = None) -> Descriptor:
        """Store what ``source`` yields, verified against ``digest`` when given."""
        ...

    def partial_path(self, digest: str) -> Path:
        """Return where a download of ``digest`` may grow and be taken up again."""
        ...

    def temporary_path(self) -> Path:
        """Return a fresh file in which a blob may grow; deleted some day when its owner died."""
        ...

    def adopt_blob(self, path: Path, digest: str) -> None:
        """Verify the file and make it the blob ``digest``; a wrong one is deleted."""
        ...

    def add_image(
        self, target: Descriptor, name: Reference | str | None, *, pulled_from: str = ""
    ) -> str:
        """Let ``name`` point to a manifest or index whose blobs are stored; return its digest."""
        ...
