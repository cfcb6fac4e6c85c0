"""What Pods and the node use, in the shape of ``metrics.k8s.io/v1beta1``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psutil

from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.meta import format_time
from wakeful.node.context import NodeContext
from wakeful.node.runtime import SandboxStats, SandboxStatus

_API_VERSION = "metrics.k8s.io/v1beta1"
_SHORTEST_SECONDS = 5.0
"""CPU use is an average: over less time than this it would only show noise."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: datetime
    cpu_seconds: float


class UsageMeter:
    """Measures when asked.

    CPU use is what was used since the time before, at least five seconds ago, or since the
    container started when nobody asked before.
    """

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._older: dict[str, _Sample] = {}
        self._newer: dict[str, _Sample] = {}

    async def pods(self, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        """``PodMetrics`` of what runs here, of all namespaces or one, of all Pods or one."""
        found = []
        for sandbox in await self._node.runtime.sandboxes():
            labels = sandbox.config.labels
            if namespace and labels.get("namespace") != namespace:
                continue
            if name and labels.get("name") != name:
                continue
            try:
                stats = await self._node.runtime.stats(sandbox.id)
            except WakefulError:
                continue  # it has just ended
            if stats.containers:
                found.append(self._pod_metrics(sandbox, stats))
        self._forget({sandbox.id for sandbox in await self._node.runtime.sandboxes()})
        return sorted(found, key=lambda m: (m["metadata"]["namespace"], m["metadata"]["name"]))

    def node(self) -> dict[str, Any]:
        """``NodeMetrics`` of this machine."""
        times, now = psutil.cpu_times(), self._node.clock.now()
        busy = (
            sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
        )
        cores, seconds = self._rate("", now, busy, since=None)
        return {
            "kind": "NodeMetrics",
            "apiVersion": _API_VERSION,
            "metadata": {"name": self._node.identity.name, "creationTimestamp": format_time(now)},
            "timestamp": format_time(now),
            "window": f"{seconds:.3f}s",
            "usage": _usage(cores, psutil.virtual_memory().used),
        }

    def _pod_metrics(self, sandbox: SandboxStatus, stats: SandboxStats) -> dict[str, Any]:
        labels, starts = sandbox.config.labels, _starts(sandbox)
        window, containers = 0.0, []
        for one in stats.containers:
            key = f"{sandbox.id}/{one.name}"
            since = starts.get(one.name, sandbox.created_at)
            cores, seconds = self._rate(key, stats.at, one.cpu_seconds, since=since)
            window = max(window, seconds)
            containers.append({"name": one.name, "usage": _usage(cores, one.memory_bytes)})
        return {
            "kind": "PodMetrics",
            "apiVersion": _API_VERSION,
            "metadata": {
                "name": labels.get("name", ""),
                "namespace": labels.get("namespace", ""),
                "creationTimestamp": format_time(stats.at),
            },
            "timestamp": format_time(stats.at),
            "window": f"{window:.3f}s",
            "containers": containers,
        }

    def _rate(
        self, key: str, at: datetime, cpu_seconds: float, *, since: datetime | None
    ) -> tuple[float, float]:
        """Cores in use on average, and over how many seconds."""
        sample = _Sample(at, cpu_seconds)
        newer = self._newer.setdefault(key, sample)
        if newer.cpu_seconds > cpu_seconds:  # started again since
            self._older.pop(key, None)
            newer = self._newer[key] = sample
        if (at - newer.at).total_seconds() >= _SHORTEST_SECONDS:
            self._older[key], self._newer[key] = newer, sample
        base = self._older.get(key)
        if base is None:
            base = _Sample(since or at, 0.0 if since else cpu_seconds)
        seconds = max(0.0, (at - base.at).total_seconds())
        cores = (cpu_seconds - base.cpu_seconds) / seconds if seconds else 0.0
        return max(0.0, cores), seconds

    def _forget(self, living: set[str]) -> None:
        for samples in (self._older, self._newer):
            for key in [k for k in samples if k and k.split("/", 1)[0] not in living]:
                del samples[key]


def _starts(sandbox: SandboxStatus) -> dict[str, datetime]:
    return {c.name: c.started_at for c in sorted(sandbox.containers, key=lambda c: c.attempt)}


def _usage(cores: float, memory_bytes: int) -> dict[str, str]:
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{memory_bytes // 1024}Ki"}
