"""The gateway's process-wide parts as components, ready to be supervised."""

from __future__ import annotations

from typing import Protocol

import structlog

from wakeful.aio import Lifetime
from wakeful.gateway.control import GatewayControl
from wakeful.gateway.envoy import EnvoyCommand, make_command, write_bootstrap
from wakeful.gateway.planner import Planner

log = structlog.get_logger("wakeful.gateway")


class EnvoyRunner(Protocol):
    """Whoever runs Envoy and keeps it running when we are gone."""

    async def ensure(self, command: EnvoyCommand) -> bool:
        """Have Envoy run with this command; return whether it ran already."""
        ...


class GatewayComponent:
    """Serves Envoy's control plane and has Envoy run. Started means: asking and being asked works.

    When it drains, Envoy goes on serving what it knows; ending Envoy is the platform's decision.
    """

    name = "gateway"

    def __init__(self, gateway: GatewayControl, runner: EnvoyRunner) -> None:
        self._gateway, self._runner = gateway, runner

    async def run(self, life: Lifetime) -> None:
        """Serve until draining."""
        settings = self._gateway.settings
        write_bootstrap(settings)
        async with self._gateway.serving():
            self._gateway.adopted = await self._runner.ensure(make_command(settings))
            log.info("envoy runs", adopted=self._gateway.adopted)
            life.started.set()
            await life.draining.wait()


class GatewayReady:
    """Started once Envoy serves the first whole plan; to be supervised after the manager."""

    name = "gateway-ready"

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def run(self, life: Lifetime) -> None:
        """Wait for the first plan, then for the end."""
        await self._planner.ready.wait()
        life.started.set()
        await life.draining.wait()
