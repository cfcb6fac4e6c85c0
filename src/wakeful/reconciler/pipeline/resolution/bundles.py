"""The resolver ``bundles``: tasks and pipelines packed into an image."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from wakeful.apis.core import Secret
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.client import Client
from wakeful.oci import Keychain, Reference, parse_reference
from wakeful.oci.errors import ImageError, ImageNotFoundError
from wakeful.oci.provider import ImagePuller
from wakeful.oci.store import ImageStore
from wakeful.reconciler.pipeline.resolution.model import (
    DATA_LIMIT_BYTES,
    Question,
    ResolutionError,
    Resolved,
)

CONFIG = "bundleresolver-config"
_NAME, _KIND, _VERSION = (
    "dev.tekton.image.name",
    "dev.tekton.image.kind",
    "dev.tekton.image.apiVersion",
)
_LAYERS = 20


class BundleResolver:
    """Reads bundles from the local image store, else from their registry."""

    name = "bundles"

    def __init__(
        self,
        client: Client,
        store: ImageStore,
        puller: ImagePuller | None,
        config: Callable[[], Mapping[str, str]],
    ) -> None:
        self._client, self._store, self._puller = client, store, puller
        self._config = config

    async def resolve(self, question: Question) -> Resolved:
        """Return one object of the bundle."""
        config = self._config()
        kind = (question.text("kind") or config.get("default-kind") or "task").lower()
        name = question.required("name")
        try:
            reference = parse_reference(question.required("bundle"))
            digest = await self._find(reference, question)
            manifest = orjson.loads(await asyncio.to_thread(self._store.read_blob, digest))
            layer = _choose(manifest, name, kind)
            data = await asyncio.to_thread(_unpack, self._store.blob_path(layer).read_bytes())
        except (ImageError, orjson.JSONDecodeError, OSError) as error:
            raise ResolutionError(f"cannot retrieve the oci image: {error}") from error
        algorithm, _, value = digest.partition(":")
        source = RefSource(uri=reference.context, digest={algorithm: value}, entry_point=name)
        return Resolved(data, source)

    async def _find(self, reference: Reference, question: Question) -> str:
        try:
            local = self._store.resolve(reference)
        except ImageNotFoundError:
            local = ""
        if local and (reference.digest or not self._store.is_pulled(reference)):
            return self._store.info(local).manifest_digest
        if self._puller is None:
            raise ImageNotFoundError(reference.familiar)
        try:
            keychain = await self._keychain(question)
            found = await self._puller.pull(reference, keychain=keychain)
        except ImageError:
            if not local:
                raise
            found = local
        return self._store.info(found).manifest_digest

    async def _keychain(self, question: Question) -> Keychain | None:
        name = question.text("secret")
        secret = await self._client.find(Secret, name, question.namespace) if name else None
        return Keychain.from_secret(secret.type, secret.decoded()) if secret else None


def _choose(manifest: Mapping[str, Any], name: str, kind: str) -> str:
    layers = manifest.get("layers")
    if not isinstance(layers, list) or len(layers) > _LAYERS:
        raise ResolutionError(f"not a bundle: it must have at most {_LAYERS} layers")
    for layer in layers:
        notes = layer.get("annotations") or {}
        missing = [key for key in (_NAME, _KIND, _VERSION) if not notes.get(key)]
        if missing:
            raise ResolutionError(f"the layer of an invalid bundle lacks annotation {missing[0]}")
        if notes[_NAME] == name and notes[_KIND].lower() == kind:
            return str(layer["digest"])
    raise ResolutionError(f"could not find object in image with kind: {kind} and name: {name}")


def _unpack(data: bytes) -> bytes:
    """The first file of a layer; some tools write the bare object instead of a tar."""
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(DATA_LIMIT_BYTES + (1 << 16))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    return file.read(DATA_LIMIT_BYTES + 1)
        raise ResolutionError("the layer of the bundle holds no file")
    except tarfile.ReadError:
        return data
    except (zlib.error, EOFError, OSError, tarfile.TarError) as error:
        raise ResolutionError(f"the layer of the bundle cannot be read: {error}") from error
