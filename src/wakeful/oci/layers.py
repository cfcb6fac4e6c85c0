"""Applying layers to a directory: the last word of each path wins, and no path leaves the root."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import zstandard

from wakeful.oci.errors import InvalidImageError

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_WHITEOUT_META = ".wh..wh."
_LINK_LIMIT = 40


def open_layer(source: BinaryIO) -> BinaryIO:
    """Return the layer's tar stream, whatever it is compressed with."""
    magic = source.read(4)
    source.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=source, mode="rb"))
    if magic == b"\x28\xb5\x2f\xfd":
        reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
        return cast(BinaryIO, reader)
    return source


def apply_layer(
    source: BinaryIO, root: Path, *, subject: str, diff_id: str = "", chown: bool | None = None
) -> None:
    """Apply one layer to what lower layers left in ``root``.

    Device nodes, pipes and sockets are left out, and so are set-user and set-group bits. Only the
    caller may change ``root`` meanwhile.

    Raises:
        InvalidImageError: Broken archive, a path or link that leaves the root, or content that is
            not that of ``diff_id``.
    """
    stream = _Hashing(open_layer(source))
    applier = _Applier(root, subject, os.geteuid() == 0 if chown is None else chown)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive:
            for member in archive:
                applier.apply(member, archive)
                archive.members.clear()  # type: ignore[attr-defined] # or it would keep them all
        stream.drain()
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        EOFError,
        zlib.error,
        zstandard.ZstdError,
    ) as error:
        raise InvalidImageError(subject, f"broken layer: {error}") from error
    applier.finish()
    if diff_id and stream.digest != diff_id:
        raise InvalidImageError(
            subject, f"uncompressed content has digest {stream.digest!r}, not {diff_id!r}"
        )


class _Hashing(io.RawIOBase):
    """Passes reads on and hashes what they returned."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._sha = source, hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._source.read(-1 if size is None else size)
        self._sha.update(data)
        return data

    def drain(self) -> None:
        while self.read(1 << 20):
            pass

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"


class _Applier:
    def __init__(self, root: Path, subject: str, chown: bool) -> None:
        self._root, self._subject, self._chown = str(root), subject, chown
        self._parents: dict[str, str] = {"": self._root}
        self._written = {self._root}  # real paths of this layer: whiteouts spare them
        self._times: dict[str, int] = {}

    def apply(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        path = self._clean(member.name)
        if path is None:
            if member.isdir():
                self._set_attributes(self._root, member)
            return
        parent_name, _, name = path.rpartition("/")
        parent = self._real_directory(parent_name, create=True)
        if name.startswith(_WHITEOUT):
            self._white_out(parent, name)
            return
        real = f"{parent}/{name}"
        make = self._maker(member)
        if make is None:
            return
        self._clear_the_way(real, member)
        make(real, member, archive)
        while real not in self._written:  # and everything above it
            self._written.add(real)
            real = real.rpartition("/")[0]

    def finish(self) -> None:
        """Directories take their times last: every entry in them has touched those."""
        for real, mtime in self._times.items():
            with suppress(OSError):
                os.utime(real, (mtime, mtime))

    def _maker(
        self, member: tarfile.TarInfo
    ) -> Callable[[str, tarfile.TarInfo, tarfile.TarFile], None] | None:
        if member.isreg():
            return self._make_file
        if member.isdir():
            return self._make_directory
        if member.issym():
            return self._make_symlink
        if member.islnk():
            return self._make_hardlink
        return None

    def _make_file(self, real: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        source = archive.extractfile(member)
        with os.fdopen(os.open(real, flags, 0o600), "wb") as file:
            if source is not None:
                shutil.copyfileobj(source, file, 1 << 18)
            if self._chown:
                os.fchown(file.fileno(), member.uid, member.gid)
            os.fchmod(file.fileno(), member.mode & 0o1777)
        os.utime(real, (member.mtime, member.mtime))

    def _make_directory(self, real: str, member: tarfile.TarInfo, _: tarfile.TarFile) -> None:
        with suppress(FileExistsError):
            os.mkdir(real, 0o755)
        self._set_attributes(real, member)

    def _make_symlink(self, real: str, member: tarfile.TarInfo, _: tarfile.TarFile) -> None:
        os.symlink(member.linkname, real)
        if self._chown:
            os.lchown(real, member.uid, member.gid)

    def _make_hardlink(self, real: str, member: tarfile.TarInfo, _: tarfile.TarFile) -> None:
        target = self._clean(member.linkname)
        if target is None:
            raise InvalidImageError(self._subject, f"{member.name}: links to the root")
        parent_name, _slash, name = target.rpartition("/")
        source = f"{self._real_directory(parent_name)}/{name}"
        try:
            os.link(source, real, follow_symlinks=False)
        except OSError as error:
            raise InvalidImageError(
                self._subject, f"{member.name}: cannot link to {member.linkname!r}: {error}"
            ) from error

    def _set_attributes(self, real: str, member: tarfile.TarInfo) -> None:
        if self._chown:
            os.chown(real, member.uid, member.gid)
        mode = member.mode & 0o1777
        os.chmod(real, mode if self._chown else mode | 0o700)  # must stay writable
        self._times[real] = int(member.mtime)

    def _clear_the_way(self, real: str, member: tarfile.TarInfo) -> None:
        try:
            old = os.lstat(real)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(old.st_mode) and member.isdir():
            return
        self._delete(real, old)

    def _white_out(self, parent: str, name: str) -> None:
        if name == _OPAQUE:
            for entry in os.listdir(parent):
                real = f"{parent}/{entry}"
                if real not in self._written:
                    self._delete(real, os.lstat(real))
        elif not name.startswith(_WHITEOUT_META):
            hidden = name.removeprefix(_WHITEOUT)
            if hidden in ("", ".", ".."):
                raise InvalidImageError(self._subject, f"whiteout {name!r} leaves its directory")
            real = f"{parent}/{hidden}"
            if real not in self._written:
                with suppress(FileNotFoundError):
                    self._delete(real, os.lstat(real))

    def _delete(self, real: str, old: os.stat_result) -> None:
        if stat.S_ISDIR(old.st_mode):
            shutil.rmtree(real)
        else:
            os.unlink(real)
        if stat.S_ISDIR(old.st_mode) or stat.S_ISLNK(old.st_mode):
            self._parents = {"": self._root}

    def _clean(self, name: str) -> str | None:
        """The path below the root, without ``.`` and ``..``; None for the root itself."""
        parts: list[str] = []
        for part in PurePosixPath(name).parts:
            if part == "..":
                if not parts:
                    raise InvalidImageError(self._subject, f"path {name!r} leaves the root")
                parts.pop()
            elif part not in ("/", "//", "."):
                parts.append(part)
        return "/".join(parts) or None

    def _real_directory(self, path: str, *, create: bool = False) -> str:
        """Where a directory really is, links read as they would be with the root as ``/``."""
        if (known := self._parents.get(path)) is not None:
            return known
        real = resolve_in_root(self._root, path, create=create, subject=self._subject)
        if create:  # then it exists, and only ``_delete`` can make it something else
            self._parents[path] = real
        return real


def resolve_in_root(root: str, path: str, *, create: bool = False, subject: str = "image") -> str:
    """Follow ``path`` as a process would whose ``/`` is ``root``; the result is inside ``root``.

    Missing parts are made as directories when ``create`` is set, and kept as they are otherwise.
    """
    pending = [p for p in reversed(PurePosixPath(path).parts) if p not in ("/", "//")]
    real: list[str] = []
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            del real[-1:]
            continue
        here = "/".join((root, *real, part))
        try:
            mode = os.lstat(here).st_mode
        except FileNotFoundError:
            if create:
                os.mkdir(here, 0o755)
            real.append(part)
            continue
        except NotADirectoryError as error:
            raise InvalidImageError(subject, f"{path!r} passes through a file") from error
        if stat.S_ISLNK(mode):
            links += 1
            if links > _LINK_LIMIT:
                raise InvalidImageError(subject, f"{path!r} has too many symbolic links")
            target = PurePosixPath(os.readlink(here))
            if target.is_absolute():
                real = []
            pending += [p for p in reversed(target.parts) if p not in ("/", "//")]
        elif create and not stat.S_ISDIR(mode):
            os.unlink(here)  # a higher layer turns a file into a directory
            os.mkdir(here, 0o755)
            real.append(part)
        else:
            real.append(part)
    return "/".join((root, *real))
