"""Content-addressed files in an OCI layout: whole and verified, or absent."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from wakeful.oci.errors import InvalidImageError
from wakeful.oci.reference import is_digest

CHUNK_BYTES = 1 << 20
_PARTIAL_KEPT_SECONDS = 7 * 86400


def digest_of(data: bytes | bytearray) -> str:
    """The sha256 digest of ``data``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class BlobDirectory:
    """``blobs/sha256`` of a layout, and ``ingest`` where blobs grow before they are whole.

    Safe for any number of processes: a blob appears by a rename, after its bytes reached the disk.
    """

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._ingest.mkdir(exist_ok=True)
        self._gate = root / "ingest.lock"

    def path(self, digest: str) -> Path:
        """Return where the blob lies or would lie."""
        if not is_digest(digest):
            raise InvalidImageError(digest, "not a sha256 digest")
        return self._blobs / digest.removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        """Whether the blob is there."""
        return self.path(digest).is_file()

    def read(self, digest: str) -> bytes:
        """Return the whole of a small blob."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise InvalidImageError(digest, "blob is missing from the local store") from error

    def write(self, data: bytes) -> str:
        """Store a small blob."""
        digest = digest_of(data)
        if not self.has(digest):
            with self._growing() as (file, name):
                file.write(data)
                self._settle(file, name, digest)
        return digest

    def add(self, source: IO[bytes], digest: str | None = None) -> tuple[str, int]:
        """Store what ``source`` yields; return digest and size.

        Raises:
            InvalidImageError: The bytes are not those of ``digest``.
        """
        sha, size = hashlib.sha256(), 0
        with self._growing() as (file, name):
            while chunk := source.read(CHUNK_BYTES):
                sha.update(chunk)
                size += len(chunk)
                file.write(chunk)
            actual = f"sha256:{sha.hexdigest()}"
            if digest is not None and digest != actual:
                raise InvalidImageError(digest, f"content has digest {actual!r}")
            self._settle(file, name, actual)
        return actual, size

    def partial(self, digest: str) -> Path:
        """Return where a download may grow; what an earlier one left is still there."""
        return self._ingest / f"partial-{self.path(digest).name}"

    def adopt(self, path: Path, digest: str) -> None:
        """Verify a finished download and make it a blob; a wrong one is deleted."""
        with path.open("rb") as file:
            actual = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            if actual != digest:
                path.unlink()
                raise InvalidImageError(digest, f"content has digest {actual!r}")
            self._settle(file, path, digest)

    def all(self) -> Iterator[tuple[str, int]]:
        """Yield digest and size of every blob."""
        with os.scandir(self._blobs) as entries:
            for entry in entries:
                yield f"sha256:{entry.name}", entry.stat().st_size

    def delete(self, digest: str) -> None:
        """Delete a blob; a missing one is no error."""
        self.path(digest).unlink(missing_ok=True)

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """Keep ``deleting`` out, here and in other processes, until blobs are referred to."""
        with self._gate.open("ab") as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
            yield

    @contextmanager
    def ingesting_if_free(self) -> Iterator[bool]:
        """Like ``ingesting``, but yield False where that would have to wait."""
        with self._gate.open("ab") as gate:
            try:
                fcntl.flock(gate, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    @contextmanager
    def deleting(self) -> Iterator[bool]:
        """Yield whether nobody is ingesting; while True, nobody starts to."""
        with self._gate.open("ab") as gate:
            try:
                fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            for leftover in self._ingest.iterdir():  # of processes that died, or gave up
                age = time.time() - leftover.stat().st_mtime
                if not leftover.name.startswith("partial-") or age > _PARTIAL_KEPT_SECONDS:
                    leftover.unlink(missing_ok=True)
            yield True

    def temporary(self) -> Path:
        """Return a fresh empty file in which a blob may grow, to be adopted or deleted."""
        descriptor, name = tempfile.mkstemp(prefix="blob-", dir=self._ingest)
        os.close(descriptor)
        return Path(name)

    @contextmanager
    def _growing(self) -> Iterator[tuple[BinaryIO, Path]]:
        path = self.temporary()
        try:
            with path.open("wb") as file:
                yield file, path
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    def _settle(self, file: BinaryIO, path: Path, digest: str) -> None:
        if file.writable():
            file.flush()
        os.fsync(file.fileno())
        path.chmod(0o644)
        path.rename(self.path(digest))
        fsync_directory(self._blobs)


def fsync_directory(path: Path) -> None:
    """Make renames within ``path`` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
