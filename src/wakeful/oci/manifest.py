"""Manifests, indexes and configurations, in OCI's and Docker's dialects, as values."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from wakeful.oci.errors import InvalidImageError
from wakeful.oci.image import ImageConfig
from wakeful.oci.reference import is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and processor, in Go's names."""

    os: str
    architecture: str

    @classmethod
    def of_this_machine(cls) -> Platform:
        """The platform that images must be made for to run here."""
        machine = platform.machine()
        return cls("linux", _ARCHITECTURES.get(machine, machine))

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to a blob."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        wire: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.platform is not None:
            wire["platform"] = {
                "architecture": self.platform.architecture,
                "os": self.platform.os,
            }
        if self.annotations:
            wire["annotations"] = dict(self.annotations)
        return wire


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The same image for several platforms."""

    manifests: tuple[Descriptor, ...]

    def choose(self, wanted: Platform) -> Descriptor | None:
        """The manifest for a platform: its own, or the only one that names none."""
        for descriptor in self.manifests:
            if descriptor.platform == wanted:
                return descriptor
        unnamed = [d for d in self.manifests if d.platform is None]
        return unnamed[0] if len(unnamed) == 1 else None


def parse_document(data: bytes, *, subject: str, media_type: str = "") -> Manifest | Index:
    """Read a manifest or an index, trusting its own ``mediaType`` before the transport's.

    Raises:
        InvalidImageError: It is neither, or malformed.
    """
    wire = _object(data, subject)
    declared = str(wire.get("mediaType") or media_type)
    if declared in INDEX_TYPES or (not declared and "manifests" in wire):
        manifests = wire.get("manifests")
        if not isinstance(manifests, list):
            raise InvalidImageError(subject, "index without manifests")
        return Index(tuple(parse_descriptor(m, subject=subject) for m in manifests))
    if declared in MANIFEST_TYPES or (not declared and "config" in wire):
        layers = wire.get("layers")
        if not isinstance(layers, list):
            raise InvalidImageError(subject, "manifest without layers")
        return Manifest(
            parse_descriptor(wire.get("config"), subject=subject),
            tuple(parse_descriptor(layer, subject=subject) for layer in layers),
        )
    if wire.get("schemaVersion") == 1:
        raise InvalidImageError(subject, "manifest schema 1 is no longer supported")
    raise InvalidImageError(subject, f"unknown manifest type {declared!r}")


def media_type_of(data: bytes, *, subject: str) -> str:
    """The type a stored manifest or index has, declared or by its shape."""
    declared = _object(data, subject).get("mediaType")
    if isinstance(declared, str) and declared:
        return declared
    index = isinstance(parse_document(data, subject=subject), Index)
    return OCI_INDEX if index else OCI_MANIFEST


def parse_descriptor(wire: Any, *, subject: str) -> Descriptor:
    """Read one descriptor."""
    if not isinstance(wire, dict):
        raise InvalidImageError(subject, "descriptor is not an object")
    digest, size = wire.get("digest"), wire.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise InvalidImageError(subject, f"descriptor with digest {digest!r}")
    if not isinstance(size, int) or size < 0:
        raise InvalidImageError(subject, f"descriptor with size {size!r}")
    where = wire.get("platform")
    on = None
    if isinstance(where, dict):
        on = Platform(str(where.get("os", "")), str(where.get("architecture", "")))
    notes = wire.get("annotations")
    annotations = {str(k): str(v) for k, v in notes.items()} if isinstance(notes, dict) else {}
    return Descriptor(str(wire.get("mediaType", "")), digest, size, on, annotations)


def parse_config(data: bytes, *, subject: str) -> ImageConfig:
    """Read an image configuration."""
    wire = _object(data, subject)
    run = wire.get("config")
    if not isinstance(run, dict):
        run = {}
    root = wire.get("rootfs")
    diff_ids = root.get("diff_ids") if isinstance(root, dict) else None
    labels = run.get("Labels")
    try:
        return ImageConfig(
            entrypoint=_strings(run.get("Entrypoint")),
            cmd=_strings(run.get("Cmd")),
            env=dict(_variable(v) for v in _strings(run.get("Env"))),
            user=str(run.get("User") or ""),
            workdir=str(run.get("WorkingDir") or ""),
            exposed_ports=tuple(int(p.partition("/")[0]) for p in run.get("ExposedPorts") or ()),
            volumes=tuple(run.get("Volumes") or ()),
            labels={str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {},
            stop_signal=str(run.get("StopSignal") or ""),
            created=_parse_time(wire.get("created")),
            architecture=str(wire.get("architecture") or ""),
            os=str(wire.get("os") or ""),
            diff_ids=_strings(diff_ids),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidImageError(subject, f"malformed configuration: {error}") from error


def _object(data: bytes, subject: str) -> dict[str, Any]:
    try:
        wire = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidImageError(subject, f"not JSON: {error}") from error
    if not isinstance(wire, dict):
        raise InvalidImageError(subject, "not a JSON object")
    return wire


def _strings(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"expected a list of strings, got {value!r}")
    return tuple(value)


def _variable(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _parse_time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
