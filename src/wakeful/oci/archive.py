"""Image archives: OCI layouts and ``docker save``, in a tar that may be compressed."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import zstandard

from wakeful.oci.blobs import digest_of
from wakeful.oci.errors import InvalidImageError, InvalidReferenceError
from wakeful.oci.index import NAME, REF_NAME
from wakeful.oci.layers import open_layer
from wakeful.oci.manifest import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    media_type_of,
    parse_config,
    parse_descriptor,
    parse_document,
)
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.store import ImageStore

_DOCUMENT_LIMIT_BYTES = 8 << 20


def load_archive(
    path: Path, store: ImageStore, *, name: str | None = None
) -> list[tuple[str, str]]:
    """Store every image of an archive; return (name, digest) of each, the name "" when it has none.

    ``name`` is given to an archive's only image, over the names that the archive has.

    Raises:
        InvalidImageError: No such archive, broken content, or no image for this machine.
    """
    try:
        with store.ingesting(), _open_tar(path) as archive:
            files = _Files(archive, str(path))
            if "index.json" in files:
                found = list(_load_layout(files, store))
            elif "manifest.json" in files:
                found = list(_load_docker(files, store))
            else:
                raise InvalidImageError(
                    str(path), "neither an OCI archive (index.json) nor docker save (manifest.json)"
                )
            if not found:
                raise InvalidImageError(str(path), "holds no image")
            if name is not None:
                if len({target.digest for _, target in found}) > 1:
                    raise InvalidImageError(str(path), "holds several images; name none of them")
                found = [(name, found[0][1])]
            return [(given, store.add_image(target, given or None)) for given, target in found]
    except (tarfile.TarError, EOFError, zlib.error, zstandard.ZstdError, OSError) as error:
        raise InvalidImageError(str(path), f"cannot be read: {error}") from error


def save_archive(images: Sequence[Reference | str], path: Path, store: ImageStore) -> None:
    """Write ``images`` to an archive that this program, docker, podman and skopeo load.

    Only what is stored is written: of an index, this machine's manifest.
    """
    manifests: list[dict[str, Any]] = []
    docker: list[dict[str, Any]] = []
    blobs: dict[str, int] = {}
    for image in images:
        info = store.info(image)
        data = store.read_blob(info.manifest_digest)
        manifest = parse_document(data, subject=str(image))
        if not isinstance(manifest, Manifest):
            raise InvalidImageError(str(image), "an index that leads to another index")
        descriptor = Descriptor(media_type_of(data, subject=str(image)), digest_of(data), len(data))
        names = [str(image)] if isinstance(image, Reference) else [*_names(image, info.names)]
        tags = [reference.name for n in names if (reference := parse_reference(n)).tag]
        for tag in tags or [""]:
            wire = descriptor.to_json()
            if tag:
                wire["annotations"] = {NAME: tag, REF_NAME: tag.rpartition(":")[2]}
            manifests.append(wire)
        for blob in (descriptor, manifest.config, *manifest.layers):
            blobs[blob.digest] = blob.size
        docker.append(
            {
                "Config": _blob_name(manifest.config.digest),
                "RepoTags": [parse_reference(tag).familiar for tag in tags],
                "Layers": [_blob_name(layer.digest) for layer in manifest.layers],
            }
        )
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    growing = path.with_name(f".{path.name}.part")
    try:
        with tarfile.open(growing, "w") as archive:
            _add(archive, "oci-layout", orjson.dumps({"imageLayoutVersion": "1.0.0"}))
            _add(archive, "index.json", orjson.dumps(index))
            _add(archive, "manifest.json", orjson.dumps(docker))
            for digest, size in blobs.items():
                with store.blob_path(digest).open("rb") as file:
                    archive.addfile(_member(_blob_name(digest), size), file)
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def _names(image: str, known: Sequence[str]) -> list[str]:
    return list(known) if image.startswith("sha256:") else [image]


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_member(name, len(data)), io.BytesIO(data))


class _Files:
    """An archive's files by clean name; links, as docker save writes them, are followed."""

    def __init__(self, archive: tarfile.TarFile, subject: str) -> None:
        self._archive, self.subject = archive, subject
        self._members = {m.name.removeprefix("./"): m for m in archive.getmembers()}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        member = self._members.get(name)
        if member is None:
            raise InvalidImageError(self.subject, f"archive lacks {name!r}")
        file = self._archive.extractfile(member)
        if file is None:
            raise InvalidImageError(self.subject, f"{name!r} is not a file")
        with file:
            yield file

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            data = file.read(_DOCUMENT_LIMIT_BYTES + 1)
        if len(data) > _DOCUMENT_LIMIT_BYTES:
            raise InvalidImageError(self.subject, f"{name!r} is too large")
        return data

    def json(self, name: str) -> Any:
        try:
            return orjson.loads(self.read(name))
        except orjson.JSONDecodeError as error:
            raise InvalidImageError(self.subject, f"{name!r} is not JSON: {error}") from error


def _load_layout(files: _Files, store: ImageStore) -> Iterator[tuple[str, Descriptor]]:
    wire = files.json("index.json")
    manifests = wire.get("manifests") if isinstance(wire, dict) else None
    if not isinstance(manifests, list):
        raise InvalidImageError(files.subject, "index.json without manifests")
    for item in manifests:
        target = parse_descriptor(item, subject=files.subject)
        if not _copy_tree(files, store, target):
            raise InvalidImageError(files.subject, f"no manifest for {Platform.of_this_machine()}")
        yield _name_of(target), target


def _name_of(target: Descriptor) -> str:
    """The full name if a tool wrote one; a bare tag, as skopeo writes it, names nothing."""
    notes = target.annotations
    for name in (notes.get(NAME, ""), notes.get(REF_NAME, "")):
        if "/" in name or ":" in name:
            try:
                return parse_reference(name).name
            except InvalidReferenceError:
                continue
    return ""


def _copy_tree(files: _Files, store: ImageStore, target: Descriptor) -> bool:
    """Copy a manifest or what this machine needs of an index; False when that is nothing."""
    name = _blob_name(target.digest)
    data = files.read(name)
    if digest_of(data) != target.digest:
        raise InvalidImageError(files.subject, f"{name!r} has other content than its digest")
    document = parse_document(data, subject=files.subject, media_type=target.media_type)
    if isinstance(document, Index):
        chosen = document.choose(Platform.of_this_machine())
        if chosen is None or not _copy_tree(files, store, chosen):
            return False
    else:
        for blob in (document.config, *document.layers):
            if not store.has_blob(blob.digest):
                with files.open(_blob_name(blob.digest)) as file:
                    store.add_blob(file, blob.digest)
    store.write_blob(data)
    return True


def _load_docker(files: _Files, store: ImageStore) -> Iterator[tuple[str, Descriptor]]:
    wire = files.json("manifest.json")
    try:
        images = [(item["Config"], item["Layers"], item.get("RepoTags") or [""]) for item in wire]
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidImageError(files.subject, "manifest.json is malformed") from error
    for config_name, layer_names, tags in images:
        config = files.read(str(config_name))
        diff_ids = parse_config(config, subject=files.subject).diff_ids
        if len(diff_ids) != len(layer_names):
            raise InvalidImageError(files.subject, "layers and diff_ids differ in number")
        layers = []
        for layer_name in layer_names:
            with files.open(str(layer_name)) as file:
                compressed = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                stored = store.add_blob(file)
            kind = OCI_LAYER_GZIP if compressed else OCI_LAYER
            layers.append(Descriptor(kind, stored.digest, stored.size).to_json())
        manifest = orjson.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": Descriptor(OCI_CONFIG, store.write_blob(config), len(config)).to_json(),
                "layers": layers,
            }
        )
        target = Descriptor(OCI_MANIFEST, store.write_blob(manifest), len(manifest))
        for tag in tags:
            yield (parse_reference(str(tag)).name if tag else ""), target


@contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Open for random access; compressed archives are expanded to a temporary file first."""
    with path.open("rb") as raw:
        stream = open_layer(raw)
        if stream is raw:
            with tarfile.open(fileobj=raw, mode="r:") as archive:
                yield archive
            return
        with tempfile.TemporaryFile() as plain:
            shutil.copyfileobj(stream, plain, 1 << 20)
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as archive:
                yield archive
