"""Where a build happens: a private copy of the source, layers with a memory, tools that report."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from wakeful.aio import running_program
from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.errors import BuildError
from wakeful.oci.manifest import OCI_LAYER_GZIP, Descriptor
from wakeful.oci.store import ImageStore

_GZIP_LEVEL = 4
_TAIL_LINES = 20
_LINE_LIMIT_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in the store."""

    blob: Descriptor
    diff_id: str

    def to_json(self) -> dict[str, object]:
        """The form in which the build cache keeps it."""
        return {"digest": self.blob.digest, "size": self.blob.size, "diff_id": self.diff_id}


class Workbench:
    """One build's private directories and its way to tools, cache and store."""

    def __init__(
        self,
        source: Path,
        work: Path,
        cache: Path,
        store: ImageStore,
        *,
        output: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.source = source
        self.app = work / "app"
        """The application's files, to be changed at will; becomes the last layer."""
        self.scratch = work / "scratch"
        self.note = note
        self._cache, self._store, self._output = cache, store, output
        self._layers: list[Layer] = []
        self.scratch.mkdir(parents=True)
        cache.mkdir(parents=True, exist_ok=True)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers so far, lowest first."""
        return tuple(self._layers)

    async def copy_source(self, rules: IgnoreRules) -> None:
        """Copy what is not ignored."""
        await asyncio.to_thread(_copy_tree, self.source, self.app, rules)

    async def cached_layer(
        self, key: Sequence[str], target: str, fill: Callable[[Path], Awaitable[None]]
    ) -> None:
        """Add a layer whose content depends on ``key`` alone, made by ``fill`` when not yet known.

        ``fill`` gets an empty directory, which the image shows as ``target``.
        """
        name = hashlib.sha256("\0".join(("v1", target, *key)).encode()).hexdigest()
        record = self._cache / f"{name}.json"
        layer = _read_layer(record)
        if layer is None or not self._store.has_blob(layer.blob.digest):
            content = self.scratch / name[:12]
            content.mkdir()
            await fill(content)
            layer = await asyncio.to_thread(make_layer, content, target, self._store)
            record.write_bytes(orjson.dumps(layer.to_json()))
        self._layers.append(layer)

    async def app_layer(self, target: str) -> None:
        """Add the application itself."""
        layer = await asyncio.to_thread(make_layer, self.app, target, self._store)
        self._layers.append(layer)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        title: str = "",
    ) -> int:
        """Run a tool, passing on what it writes; ``title`` is what people know it by.

        Raises:
            BuildError: It cannot be started, or ``check`` is set and it fails.

        Cancellation: the tool is ended first.
        """
        tail: list[str] = []
        try:
            async with running_program(
                argv,
                cwd=cwd or self.app,
                env={**os.environ, **(env or {})},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                limit=_LINE_LIMIT_BYTES,
            ) as process:
                assert process.stdout is not None
                async for raw in process.stdout:
                    line = raw.decode(errors="replace").rstrip()
                    tail = [*tail[-_TAIL_LINES + 1 :], line]
                    self._output(line)
                code = await process.wait()
        except OSError as error:
            raise BuildError(str(self.source), f"cannot run {argv[0]!r}: {error}") from error
        if check and code:
            output = "\n".join(tail)
            what = title or f"{' '.join(map(str, argv[:4]))} …"
            problem = f"{what} failed with exit code {code}"
            told = f"{problem}:\n{output}" if output else f"{problem} and wrote nothing"
            raise BuildError(str(self.source), told, output=output)
        return code


def make_layer(content: Path, target: str, store: ImageStore) -> Layer:
    """Store the directory ``content`` as a layer that shows it as ``target``.

    The same files give the same layer: names sorted, owner root, times zero, and of the permissions
    only whether a file is executable.
    """
    path = store.temporary_path()
    try:
        with path.open("wb") as file:
            packed = _HashingWriter(file)
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, packed, mtime=0) as plain:
                unpacked = _HashingWriter(plain)
                with tarfile.open(
                    fileobj=unpacked, mode="w|", format=tarfile.PAX_FORMAT
                ) as archive:  # type: ignore[call-overload] # the stub asks for more than is called
                    _add_tree(archive, content, target.strip("/"))
        store.adopt_blob(path, packed.digest)
    finally:
        path.unlink(missing_ok=True)
    return Layer(Descriptor(OCI_LAYER_GZIP, packed.digest, packed.size), unpacked.digest)


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _HashingWriter:
    def __init__(self, target: _Writable) -> None:
        self._target, self._sha, self.size = target, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._sha.update(data)
        self.size += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"


def _add_tree(archive: tarfile.TarFile, content: Path, target: str) -> None:
    parts = target.split("/") if target else []
    for depth in range(1, len(parts) + 1):
        archive.addfile(_member("/".join(parts[:depth]), tarfile.DIRTYPE, 0o755))
    for path in sorted(content.rglob("*")):
        name = f"{target}/{path.relative_to(content).as_posix()}".lstrip("/")
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            member = _member(name, tarfile.SYMTYPE, 0o777)
            member.linkname = str(path.readlink())
            archive.addfile(member)
        elif stat.S_ISDIR(found.st_mode):
            archive.addfile(_member(name, tarfile.DIRTYPE, 0o755))
        elif stat.S_ISREG(found.st_mode):
            member = _member(name, tarfile.REGTYPE, 0o755 if found.st_mode & 0o111 else 0o644)
            member.size = found.st_size
            with path.open("rb") as file:
                archive.addfile(member, file)


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _copy_tree(source: Path, target: Path, rules: IgnoreRules) -> None:
    target.mkdir()
    for path, relative in rules.walk(source):
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        elif path.is_dir():
            copy.mkdir(exist_ok=True)
        elif path.is_file():
            shutil.copy(path, copy)


def _read_layer(record: Path) -> Layer | None:
    try:
        wire = orjson.loads(record.read_bytes())
        return Layer(Descriptor(OCI_LAYER_GZIP, wire["digest"], wire["size"]), wire["diff_id"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
