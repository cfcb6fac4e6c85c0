"""Small images for tests, made in memory."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wakeful.oci.blobs import digest_of
from wakeful.oci.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Platform
from wakeful.oci.store import ImageStore


@dataclass(frozen=True)
class Entry:
    """One member of a layer; ``link`` makes it a symbolic link, ``hard`` a hard one."""

    name: str
    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    hard: str = ""
    kind: bytes = b""
    uid: int = 0


def a_layer(entries: Iterable[Entry | str]) -> bytes:
    """A plain tar of ``entries``; a bare name ending in ``/`` is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for item in entries:
            entry = _entry(item) if isinstance(item, str) else item
            info = tarfile.TarInfo(entry.name)
            info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.uid, 7
            if entry.kind:
                info.type = entry.kind
            elif entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            elif entry.hard:
                info.type, info.linkname = tarfile.LNKTYPE, entry.hard
            elif entry.name.endswith("/"):
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry.data)
            archive.addfile(info, io.BytesIO(entry.data))
    return buffer.getvalue()


def _entry(name: str) -> Entry:
    return Entry(name, mode=0o755 if name.endswith("/") else 0o644)


@dataclass(frozen=True)
class MadeImage:
    """Everything a registry or store would hold for one image."""

    manifest: bytes
    config: bytes
    layers: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.manifest)

    def put_into(self, store: ImageStore, name: str) -> str:
        """Store every blob and name the image; return its digest."""
        for blob in (*self.layers, self.config, self.manifest):
            store.write_blob(blob)
        return store.add_image(Descriptor(OCI_MANIFEST, self.digest, len(self.manifest)), name)


def an_image(
    *layers: Sequence[Entry | str],
    config: Mapping[str, Any] | None = None,
    platform: Platform | None = None,
) -> MadeImage:
    """An image of gzipped ``layers``; ``config`` is its run configuration."""
    on = platform or Platform.of_this_machine()
    tars = [a_layer(layer) for layer in layers]
    blobs = tuple(gzip.compress(tar, mtime=0) for tar in tars)
    wire = {
        "created": "2026-01-01T00:00:00Z",
        "architecture": on.architecture,
        "os": on.os,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
    }
    config_blob = json.dumps(wire).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(OCI_CONFIG, digest_of(config_blob), len(config_blob)).to_json(),
        "layers": [Descriptor(OCI_LAYER_GZIP, digest_of(b), len(b)).to_json() for b in blobs],
    }
    return MadeImage(json.dumps(manifest).encode(), config_blob, blobs)
