"""``index.json`` of a layout: which names point to which images. It is the only such record."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from wakeful.oci.blobs import fsync_directory
from wakeful.oci.errors import InvalidImageError
from wakeful.oci.manifest import OCI_INDEX, Descriptor, parse_descriptor

NAME = "io.containerd.image.name"
"""The full name; a tagged reference, or ``repository@digest`` once the tag moved on."""
REF_NAME = "org.opencontainers.image.ref.name"
PULLED_FROM = "dev.wakeful.pulled-from"
"""The registry that a name was copied from; absent when it was given here."""
ADDED = "dev.wakeful.added"
"""When the name got its target; reproducible images have no date of their own."""


class NameIndex:
    """Names and their targets, read without a lock and changed under one.

    Every change replaces the file, so readers in any process see one state or the next.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "index.json"
        self._lock = root / "index.lock"
        self._seen: tuple[tuple[int, int, int], dict[str, Descriptor]] | None = None
        layout = root / "oci-layout"
        if not layout.exists():
            _replace(layout, orjson.dumps({"imageLayoutVersion": "1.0.0"}))

    def entries(self) -> dict[str, Descriptor]:
        """Return full name → target as of now."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return {}
        version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        seen = self._seen
        if seen is None or seen[0] != version:
            seen = self._seen = (version, _parse(self._path))
        return dict(seen[1])

    @contextmanager
    def changing(self) -> Iterator[dict[str, Descriptor]]:
        """Yield the names to be changed in place; they are written when the block ends well."""
        with self._lock.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self.entries()
            before = dict(entries)
            yield entries
            if entries != before:
                _replace(self._path, _render(entries))
                self._seen = None


def _render(entries: dict[str, Descriptor]) -> bytes:
    manifests: list[dict[str, Any]] = []
    for name, target in sorted(entries.items()):
        wire = target.to_json()
        notes = {**target.annotations, NAME: name}
        if "@" not in name:
            notes[REF_NAME] = name.rpartition(":")[2]
        wire["annotations"] = notes
        manifests.append(wire)
    return orjson.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests},
        option=orjson.OPT_INDENT_2,
    )


def _parse(path: Path) -> dict[str, Descriptor]:
    try:
        wire = orjson.loads(path.read_bytes())
        entries = {}
        for item in wire["manifests"]:
            target = parse_descriptor(item, subject=str(path))
            name = target.annotations.get(NAME, "")
            kept = {k: v for k, v in target.annotations.items() if k in (PULLED_FROM, ADDED)}
            entries[name] = replace(target, annotations=kept)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidImageError(str(path), f"not an image index: {error}") from error
    return entries


def _replace(path: Path, data: bytes) -> None:
    """Write ``path`` so that a reader, or a power cut, finds the old bytes or the new ones."""
    growing = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with growing.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    growing.replace(path)
    fsync_directory(path.parent)
