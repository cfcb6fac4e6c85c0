"""What every worker of a node shares, wired once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wakeful.aio import Clock, SystemClock
from wakeful.apis.core.pod_types import Pod
from wakeful.autoscaler.coldstart import Mark
from wakeful.client import Client
from wakeful.controller import EventRecorder
from wakeful.node.ports import PortTable
from wakeful.node.runtime import Runtime
from wakeful.oci import ImageProvider

_HOLDER_PREFIX = "pod/"


class Traffic(Protocol):
    """Whoever sends requests to instances; told first when one is ready, and asked before its end.

    What it is told is also in the API a moment later. Somebody may be waiting for that moment.
    """

    def expect(self, pod: Pod) -> None:
        """``pod`` boots, at the address in its status."""
        ...

    async def announce(self, pod: Pod) -> None:
        """``pod`` is as its status says, which is about to be written; returns soon."""
        ...

    async def drained(self, pod: Pod) -> None:
        """Return once nothing new is sent to ``pod`` and nothing is in flight there."""
        ...


class NoTraffic:
    """Nobody sends requests: stop at once."""

    def expect(self, pod: Pod) -> None:
        """Expect nobody."""
        del pod

    async def announce(self, pod: Pod) -> None:
        """Tell nobody."""
        del pod

    async def drained(self, pod: Pod) -> None:
        """Return at once."""
        del pod


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """How this node shows itself in the API."""

    name: str
    host_ip: str
    api_host: str = ""
    """Address of the API server as seen from instances; empty for the host's own, as the runtime
    tells it."""
    api_port: int = 0
    """0: instances cannot reach it."""


@dataclass(frozen=True, slots=True)
class NodeContext:
    """Dependencies of the agent and its workers."""

    identity: NodeIdentity
    client: Client
    runtime: Runtime
    images: ImageProvider
    recorder: EventRecorder
    pods_dir: Path
    claims_dir: Path
    cpu_cores: int
    memory_bytes: int
    pids_per_container: int | None = 4096
    traffic: Traffic = field(default_factory=NoTraffic)
    progress: Callable[[Pod, Mark], None] = lambda _pod, _mark: None
    """Told of each step that a Pod takes on its way to its first request."""
    nameserver: Callable[[], str | None] = lambda: None
    """Where instances look names of the cluster up; None while nobody serves them."""
    clock: Clock = field(default_factory=SystemClock)
    ports: PortTable = field(default_factory=PortTable)
    adopted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while an agent knows all that runs; requests of the API may come before."""

    @property
    def shares_host_network(self) -> bool:
        """Whether pods have no network of their own, so that each port needs its own number."""
        return self.runtime.describe().pod_network is None

    def image_holder(self, uid: str, container: str) -> str:
        """In whose name a container of a Pod keeps its image."""
        return f"{_HOLDER_PREFIX}{uid}/{container}"

    def uid_of_holder(self, holder: str) -> str | None:
        """The Pod a holder stands for; None when it is not one of ours."""
        if not holder.startswith(_HOLDER_PREFIX):
            return None
        return holder.removeprefix(_HOLDER_PREFIX).split("/", 1)[0]

    def pod_dir(self, uid: str) -> Path:
        """The directory of one Pod."""
        return self.pods_dir / uid

    @property
    def shared_dir(self) -> Path:
        """The directory of what several Pods see."""
        return self.pods_dir / "shared"

    @property
    def recipes_dir(self) -> Path:
        """Where it is kept how zygotes are made."""
        return self.pods_dir.parent / "zygotes"

    def log_path(self, uid: str, container: str, attempt: int) -> Path:
        """The log of one run of a container."""
        return self.pods_dir / uid / "logs" / container / f"{attempt}.log"
