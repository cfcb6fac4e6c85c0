"""Projected volumes that are the same in every Pod of a service account, written once.

Above all ``kube-api-access-…``, which admission puts into nearly every Pod: a token, a certificate
and the namespace. An instance that starts finds it on disk and in date.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

from wakeful.aio import first_of
from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.core.pod_types import Pod, Volume, VolumeProjection
from wakeful.node.context import NodeContext
from wakeful.node.environment import PodFacts, References
from wakeful.node.sources import Sources
from wakeful.node.tokens import TokenCache, account_of
from wakeful.node.volumes import (
    VolumeContent,
    referenced_by_volumes,
    remove_tree,
    volume_content,
    write_volume,
)

log = structlog.get_logger("wakeful.node.sharedvolumes")

_SAME_FOR_ALL = frozenset({"metadata.namespace", "spec.serviceAccountName"})


def is_shareable(pod: Pod, volume: Volume) -> bool:
    """Whether the volume looks the same in every Pod of its namespace and service account."""
    security = pod.spec.security_context
    if volume.projected is None or (security is not None and security.fs_group is not None):
        return False
    return all(_is_same_for_all(source) for source in volume.projected.sources)


def _is_same_for_all(source: VolumeProjection) -> bool:
    items = source.downward_api.items if source.downward_api is not None else []
    return all(i.field_ref is not None and i.field_ref.field_path in _SAME_FOR_ALL for i in items)


@dataclass(slots=True)
class _Entry:
    pod: Pod
    """One that has the volume; which one makes no difference."""
    volume: Volume
    folder: Path
    content: VolumeContent | None = None
    fresh: bool = False
    users: set[str] = field(default_factory=set)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    unsubscribe: Callable[[], None] | None = None


class SharedVolumes:
    """Keeps shareable volumes in one place and in date while somebody uses them."""

    def __init__(self, node: NodeContext, tokens: TokenCache, sources: Sources) -> None:
        self._node, self._tokens, self._sources = node, tokens, sources
        self._entries: dict[str, _Entry] = {}
        self._stale = asyncio.Event()
        self._facts = PodFacts(
            "", node.identity.host_ip, node.identity.name, node.cpu_cores, node.memory_bytes
        )

    async def get(self, pod: Pod, volume: Volume) -> Path:
        """The folder of a shareable volume, in date; the Pod uses it until it releases all.

        Raises:
            ContainerConfigError: Something that it shows is missing.
        """
        entry = self.use(pod, volume)
        if not self._is_in_date(entry):
            await self._write(entry)
        return entry.folder

    def use(self, pod: Pod, volume: Volume) -> _Entry:
        """Note that a Pod has the volume: it is kept in date from now on."""
        key = _key(pod, volume)
        entry = self._entries.get(key)
        if entry is None:
            entry = _Entry(pod, volume, self._node.shared_dir / key)
            self._entries[key] = entry
        entry.users.add(pod.metadata.uid)
        if entry.unsubscribe is None:
            self._subscribe(entry)
        return entry

    def release(self, uid: str) -> None:
        """A Pod is gone."""
        for entry in self._entries.values():
            entry.users.discard(uid)
            if not entry.users and entry.unsubscribe is not None:
                entry.unsubscribe()
                entry.unsubscribe, entry.fresh = None, False

    async def run(self) -> None:
        """Renew for ever what is used."""
        while True:
            left = min((self._seconds_left(e) for e in self._used()), default=None)
            if left is None:
                await self._stale.wait()
            else:
                await first_of(self._stale.wait(), self._node.clock.sleep(max(1.0, left)))
            self._stale.clear()
            for entry in self._used():
                if not self._is_in_date(entry):
                    try:
                        await self._write(entry)
                    except (WakefulError, OSError) as err:
                        log.warning("volume not renewed", folder=str(entry.folder), error=str(err))
                        entry.fresh = True  # what it was made of is watched: it will tell

    async def sweep(self, pods: Iterable[Pod]) -> None:
        """Delete what no Pod has, left over from former agents."""
        kept = {_key(pod, v) for pod in pods for v in pod.spec.volumes if is_shareable(pod, v)}
        kept |= self._entries.keys()
        if self._node.shared_dir.is_dir():
            for folder in self._node.shared_dir.iterdir():
                if folder.name not in kept:
                    await remove_tree(folder)

    def _used(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.users]

    def _subscribe(self, entry: _Entry) -> None:
        maps, secrets = referenced_by_volumes([entry.volume])

        def told() -> None:
            entry.fresh = False
            self._stale.set()

        namespace = entry.pod.metadata.namespace
        entry.unsubscribe = self._sources.subscribe(namespace, maps, secrets, told)

    def _is_in_date(self, entry: _Entry) -> bool:
        return entry.fresh and self._seconds_left(entry) > 0

    def _seconds_left(self, entry: _Entry) -> float:
        tokens = entry.content.tokens if entry.content is not None else []
        account = account_of(entry.pod)
        times = (
            self._tokens.seconds_left(account, t.audience, t.expiration_seconds) for t in tokens
        )
        return min(times, default=3600.0)

    async def _write(self, entry: _Entry) -> None:
        async with entry.writing:
            if self._is_in_date(entry):
                return  # somebody else has just done it
            entry.fresh = True  # what changes from here on is told
            try:
                await self._make(entry)
            except BaseException:
                entry.fresh = False
                raise
        self._stale.set()

    async def _make(self, entry: _Entry) -> None:
        client, namespace = self._node.client, entry.pod.metadata.namespace
        maps, secrets = referenced_by_volumes([entry.volume])
        references = References(
            {m: await client.find(ConfigMap, m, namespace) for m in maps},
            {s: await client.find(Secret, s, namespace) for s in secrets},
        )
        content = volume_content(
            entry.volume, entry.pod, self._facts, references, self._node.claims_dir
        )

        async def token(audience: str, seconds: int) -> str:
            return await self._tokens.get(account_of(entry.pod), audience, seconds)

        await write_volume(content, entry.folder, token, now=self._node.clock.now(), owner=None)
        entry.content = content


def _key(pod: Pod, volume: Volume) -> str:
    assert volume.projected is not None
    what = [*account_of(pod), volume.projected.to_wire()]
    return hashlib.blake2s(orjson.dumps(what), digest_size=16).hexdigest()


__all__ = ["SharedVolumes", "is_shareable"]
