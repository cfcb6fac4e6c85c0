"""Volumes: which files a Pod's volumes hold (pure), and writing them into the Pod's directory."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.core.pod_types import Container, DownwardAPIVolumeFile, KeyToPath, Pod, Volume
from wakeful.node.environment import (
    ContainerConfigError,
    PodFacts,
    References,
    expand,
    pod_field,
    resource_field,
    secret_value,
)
from wakeful.node.runtime import Mount, Tmpfs
from wakeful.node.volumefiles import VolumeFile, publish

TokenSource = Callable[[str, int], Awaitable[str]]
"""``(audience, seconds)``: a fresh token of the Pod's service account."""

_DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file that holds a service account token."""

    path: str
    audience: str
    expiration_seconds: int
    mode: int


@dataclass(slots=True)
class VolumeContent:
    """What a volume is made of: files, a host directory, an empty one, or memory."""

    files: list[VolumeFile] = field(default_factory=list)
    tokens: list[TokenFile] = field(default_factory=list)
    projected: bool = False
    """Made of ``files`` and ``tokens``, which are renewed when their sources change."""
    host_path: Path | None = None
    host_type: str | None = None
    """What the host path has to be, a ``hostPath.type``; None when it belongs to a claim."""
    memory: bool = False
    size_limit: int | None = None
    writable: bool = False


def referenced_by_volumes(volumes: Iterable[Volume]) -> tuple[set[str], set[str]]:
    """Names of the config maps and secrets that ``volumes`` show."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for volume in volumes:
        if volume.config_map:
            config_maps.add(volume.config_map.name)
        if volume.secret:
            secrets.add(volume.secret.secret_name)
        for source in volume.projected.sources if volume.projected else ():
            if source.config_map:
                config_maps.add(source.config_map.name)
            if source.secret:
                secrets.add(source.secret.name)
    return config_maps, secrets


def is_projected(volume: Volume) -> bool:
    """Whether the volume shows objects of the API, and so follows them."""
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return any(source is not None for source in sources)


def volume_content(
    volume: Volume, pod: Pod, facts: PodFacts, references: References, claims: Path
) -> VolumeContent:
    """Work out what ``volume`` holds; later sources of a projected volume win.

    Raises:
        ContainerConfigError: Something required is missing, or the kind is not supported here.
    """
    content = VolumeContent(projected=is_projected(volume))
    if volume.empty_dir is not None:
        content.writable = True
        content.memory = volume.empty_dir.medium == "Memory"
        if volume.empty_dir.size_limit:
            content.size_limit = int(parse_quantity(volume.empty_dir.size_limit))
    elif volume.host_path is not None:
        content.host_path, content.writable = Path(volume.host_path.path), True
        content.host_type = volume.host_path.type or ""
    elif volume.persistent_volume_claim is not None:
        claim = volume.persistent_volume_claim
        content.host_path = claims / pod.metadata.namespace / claim.claim_name
        content.writable = not claim.read_only
    elif volume.config_map is not None:
        source = volume.config_map
        mode = _mode(source.default_mode)
        found = references.config_map(source.name, optional=source.optional)
        content.files = _from_config_map(found, source.items, mode, optional=source.optional)
    elif volume.secret is not None:
        secret_source = volume.secret
        mode = _mode(secret_source.default_mode)
        secret = references.secret(secret_source.secret_name, optional=secret_source.optional)
        content.files = _from_secret(
            secret, secret_source.items, mode, optional=secret_source.optional
        )
    elif volume.downward_api is not None:
        mode = _mode(volume.downward_api.default_mode)
        content.files = _from_downward_api(volume.downward_api.items, pod, facts, mode)
    elif volume.projected is not None:
        _project(volume, pod, facts, references, content)
    else:
        kinds = ", ".join(volume.sources) or "no source"
        raise ContainerConfigError(f"volume {volume.name!r}: {kinds} is not supported on this node")
    return content


def _project(
    volume: Volume, pod: Pod, facts: PodFacts, references: References, content: VolumeContent
) -> None:
    assert volume.projected is not None
    mode = _mode(volume.projected.default_mode)
    files: dict[str, VolumeFile] = {}
    for source in volume.projected.sources:
        found: list[VolumeFile] = []
        if source.config_map:
            one = source.config_map
            config_map = references.config_map(one.name, optional=one.optional)
            found = _from_config_map(config_map, one.items, mode, optional=one.optional)
        elif source.secret:
            two = source.secret
            secret = references.secret(two.name, optional=two.optional)
            found = _from_secret(secret, two.items, mode, optional=two.optional)
        elif source.downward_api:
            found = _from_downward_api(source.downward_api.items, pod, facts, mode)
        elif source.service_account_token:
            token = source.service_account_token
            seconds = token.expiration_seconds or 3600
            content.tokens.append(TokenFile(_safe(token.path), token.audience, seconds, mode))
        files.update({f.path: f for f in found})
    content.files = list(files.values())


def _mode(mode: int | None) -> int:
    return _DEFAULT_MODE if mode is None else mode


def _safe(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ContainerConfigError(f"volume path {path!r} must be relative and without '..'")
    return str(pure)


def _select(
    data: dict[str, bytes], items: list[KeyToPath], mode: int, *, optional: bool | None
) -> list[VolumeFile]:
    if not items:
        return [VolumeFile(_safe(k), v, mode) for k, v in sorted(data.items())]
    files = []
    for item in items:
        if item.key in data:
            chosen = mode if item.mode is None else item.mode
            files.append(VolumeFile(_safe(item.path), data[item.key], chosen))
        elif not optional:
            raise ContainerConfigError(f"references non-existent key: {item.key}")
    return files


def _from_config_map(
    config_map: ConfigMap | None, items: list[KeyToPath], mode: int, *, optional: bool | None
) -> list[VolumeFile]:
    if config_map is None:
        return []
    data = {k: v.encode() for k, v in config_map.data.items()}
    data |= {k: base64.b64decode(v) for k, v in config_map.binary_data.items()}
    return _select(data, items, mode, optional=optional)


def _from_secret(
    secret: Secret | None, items: list[KeyToPath], mode: int, *, optional: bool | None
) -> list[VolumeFile]:
    if secret is None:
        return []
    data = {key: secret_value(secret, key) or b"" for key in secret.data}
    return _select(data, items, mode, optional=optional)


def _from_downward_api(
    items: list[DownwardAPIVolumeFile], pod: Pod, facts: PodFacts, mode: int
) -> list[VolumeFile]:
    files = []
    for item in items:
        if item.field_ref:
            text = pod_field(item.field_ref.field_path, pod, facts)
        elif item.resource_field_ref:
            text = resource_field(item.resource_field_ref, pod.spec.containers[0], pod, facts)
        else:
            text = ""
        chosen = mode if item.mode is None else item.mode
        files.append(VolumeFile(_safe(item.path), text.encode(), chosen))
    return files


async def write_volume(
    content: VolumeContent, folder: Path, token: TokenSource, *, now: datetime, owner: int | None
) -> Path:
    """Make the volume's directory, or bring it up to date, and return it.

    ``owner`` is the group that a volume's files belong to (``fsGroup``).

    Raises:
        ContainerConfigError: The host path is not what it should be.
    """
    if content.host_path is not None:
        _ensure_host_path(content, owner)
        return content.host_path
    if content.projected:
        files = {file.path: file for file in content.files}
        for wanted in content.tokens:
            text = await token(wanted.audience, wanted.expiration_seconds)
            files[wanted.path] = VolumeFile(wanted.path, text.encode(), wanted.mode)
        publish(folder, list(files.values()), now=now, owner=owner)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    return folder


_MUST_BE: dict[str, tuple[Callable[[Path], bool], str]] = {
    "Directory": (Path.is_dir, "a directory"),
    "File": (Path.is_file, "a file"),
    "Socket": (Path.is_socket, "a socket file"),
    "CharDevice": (Path.is_char_device, "a character device"),
    "BlockDevice": (Path.is_block_device, "a block device"),
}


def _ensure_host_path(content: VolumeContent, owner: int | None) -> None:
    path, kind = content.host_path, content.host_type
    assert path is not None
    if kind in _MUST_BE:
        holds, words = _MUST_BE[kind]
        if not holds(path):
            raise ContainerConfigError(f"hostPath type check failed: {path} is not {words}")
    elif kind == "FileOrCreate":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o644)
    elif not path.exists():
        path.mkdir(parents=True)
        if owner is not None and os.geteuid() == 0:
            os.chown(path, owner, owner)


def mounts_for(
    container: Container,
    folders: dict[str, Path],
    contents: dict[str, VolumeContent],
    env: dict[str, str],
) -> tuple[list[Mount], list[Tmpfs]]:
    """Where a container sees its volumes.

    Raises:
        ContainerConfigError: A mount names a volume that the Pod does not have.
    """
    mounts: list[Mount] = []
    memory: list[Tmpfs] = []
    for mount in container.volume_mounts:
        content = contents.get(mount.name)
        if content is None:
            raise ContainerConfigError(f"volume mount {mount.name!r} has no matching volume")
        target = PurePosixPath(mount.mount_path)
        if content.memory and not mount.sub_path:
            memory.append(Tmpfs(target, content.size_limit))
            continue
        source = folders[mount.name]
        sub_path = expand(mount.sub_path_expr, env) if mount.sub_path_expr else mount.sub_path
        if sub_path:
            source = place_below(source, sub_path, make=content.writable)
        mounts.append(
            Mount(
                source,
                target,
                read_only=mount.read_only or not content.writable,
                map_owners=content.host_type is None,
            )
        )
    return mounts, memory


def place_below(folder: Path, sub_path: str, *, make: bool) -> Path:
    """The real place of ``sub_path``: programs of the Pod may have put links anywhere in it.

    Raises:
        ContainerConfigError: It leads out of ``folder``, or is not there and must not be made.
    """
    root = folder.resolve()
    found = (root / _safe(sub_path)).resolve()
    if not found.is_relative_to(root):
        raise ContainerConfigError(f"subPath {sub_path!r} leads out of its volume")
    if not found.exists():
        if not make:
            raise ContainerConfigError(f"subPath {sub_path!r} does not exist in its volume")
        found.mkdir(parents=True)
        found.chmod(0o777)
    return found


async def remove_tree(folder: Path) -> None:
    """Delete a directory without holding up the event loop."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
