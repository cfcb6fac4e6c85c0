"""What resolvers fetched a short while ago, for those who ask for the same again."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import orjson

from wakeful.apimachinery.duration import parse_duration
from wakeful.reconciler.pipeline.resolution.model import Question, ResolutionError, Resolved

CONFIG = "resolver-cache-config"
PARAM = "cache"
_MODES = ("always", "never", "auto")
_TTL, _MAX_ENTRIES = timedelta(minutes=5), 1000
_MAX_BYTES = 32 << 20
_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_GROUP = "resolution.tekton.dev"

Settings = Callable[[str], Mapping[str, str]]
"""The config map of that name, as it is now."""


def _by_digest(question: Question) -> bool:
    return "@sha256:" in question.text("bundle")


def _by_commit(question: Question) -> bool:
    return _COMMIT.fullmatch(question.text("revision")) is not None


_STAYS_THE_SAME: Mapping[str, Callable[[Question], bool]] = {
    "bundles": _by_digest,
    "git": _by_commit,
    "cluster": lambda _: False,
}
"""Resolvers whose answers are kept at all, and which answers never change."""


def check_mode(question: Question) -> None:
    """Refuse a way to use the cache that does not exist.

    Raises:
        ResolutionError: It does not.
    """
    mode = question.text(PARAM)
    if mode and mode not in _MODES:
        raise ResolutionError(
            f"invalid cache mode '{mode}', must be one of: [{' '.join(_MODES)}]"
            " (or empty for default)"
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    found: Resolved
    until: datetime


class ResolutionCache:
    """Answers, by resolver, namespace and parameters.

    By namespace too, since what may be fetched depends on secrets in it. Who asks for the same
    while it is being fetched waits for that.
    """

    def __init__(
        self,
        settings: Settings,
        maps: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        """``maps`` has the name of each resolver's own config map."""
        self._settings, self._maps, self._now = settings, maps, now
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def resolve(
        self, resolver: str, question: Question, fetch: Callable[[], Awaitable[Resolved]]
    ) -> tuple[Resolved, dict[str, str]]:
        """An answer, and what the request is to say about where it is from.

        Raises:
            ResolutionError: It cannot be had.
        """
        if not self._is_wanted(resolver, question):
            return await fetch(), {}
        key = _key(resolver, question)
        if (known := self._look_up(key)) is not None:
            return known, self._notes(resolver, "retrieve")
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            if (known := self._look_up(key)) is not None:
                return known, self._notes(resolver, "store")
            found = await fetch()
            self._keep(key, found, self._ttl(resolver))
        return found, self._notes(resolver, "store")

    def _is_wanted(self, resolver: str, question: Question) -> bool:
        stays_the_same = _STAYS_THE_SAME.get(resolver)
        if stays_the_same is None:
            return False
        own = self._settings(self._maps.get(resolver, ""))
        mode = question.text(PARAM) or own.get("default-cache-mode", "")
        if mode in ("always", "never"):
            return mode == "always"
        return stays_the_same(question)

    def _look_up(self, key: str) -> Resolved | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._now():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.found

    def _keep(self, key: str, found: Resolved, ttl: timedelta) -> None:
        self._drop(key)
        self._entries[key] = _Entry(found, self._now() + ttl)
        self._bytes += len(found.data)
        most = _number(self._settings(CONFIG).get("max-size", ""), _MAX_ENTRIES)
        while self._entries and (len(self._entries) > most or self._bytes > _MAX_BYTES):
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.found.data)

    def _ttl(self, resolver: str) -> timedelta:
        for name in (self._maps.get(resolver, ""), CONFIG):
            text = self._settings(name).get("ttl", "")
            try:
                if text and (ttl := parse_duration(text)) > timedelta():
                    return ttl
            except ValueError:
                continue
        return _TTL

    def _notes(self, resolver: str, operation: str) -> dict[str, str]:
        stamp = self._now().isoformat(timespec="seconds").replace("+00:00", "Z")
        return {
            f"{_GROUP}/cached": "true",
            f"{_GROUP}/cache-timestamp": stamp,
            f"{_GROUP}/cache-resolver-type": resolver,
            f"{_GROUP}/cache-operation": operation,
        }


def _key(resolver: str, question: Question) -> str:
    params = sorted((k, v) for k, v in question.params.items() if k != PARAM)
    return hashlib.sha256(orjson.dumps([resolver, question.namespace, params])).hexdigest()


def _number(text: str, default: int) -> int:
    return int(text) if text.strip().isdecimal() and int(text) > 0 else default
