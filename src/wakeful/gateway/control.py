"""The gateway as its planner and its component see it, in whichever thread it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from wakeful.gateway.plan import BackendKey, Endpoint, Plan, RevisionKey
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator.routes import HostConflict


class GatewayControl(Protocol):
    """What :class:`~wakeful.gateway.gateway.Gateway` offers; see there for what each means."""

    adopted: bool

    @property
    def settings(self) -> GatewaySettings:
        """Where it listens."""
        ...

    @property
    def conflicts(self) -> Sequence[HostConflict]:
        """Hosts that more than one Ingress of the last plan wanted."""
        ...

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Serve Envoy while the context is open."""
        ...

    async def publish(self, plan: Plan) -> None:
        """Make Envoy do what ``plan`` says."""
        ...

    async def settled(self) -> None:
        """Return once an Envoy has the routes of the plan in force."""
        ...

    def preset_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """Name the instances of a backend before the first plan."""
        ...

    async def set_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> None:
        """Replace the instances of one backend."""
        ...

    async def let_go(self, key: RevisionKey, endpoint: Endpoint) -> bool:
        """Let what is held go to a listed instance before Envoy is told that it is ready."""
        ...

    async def drained(self, key: RevisionKey, endpoint: Endpoint) -> bool:
        """Wait until nothing is in flight at an instance that was set draining."""
        ...

    def fail(self, key: RevisionKey, reason: str) -> None:
        """Tell everyone held for a revision that it does not start."""
        ...
