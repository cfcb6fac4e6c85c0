"""Envoy as a child of procd."""

from __future__ import annotations

from wakeful.cmd.processes import envoy_spec
from wakeful.config import Settings
from wakeful.gateway.envoy import EnvoyCommand
from wakeful.procd.client import ProcdClient


class ProcdEnvoyRunner:
    """Has procd run Envoy, so that it outlives this process."""

    def __init__(self, procd: ProcdClient, settings: Settings) -> None:
        self._procd, self._settings = procd, settings

    async def ensure(self, command: EnvoyCommand) -> bool:
        """Have Envoy run with this command; return whether it ran already."""
        spec = envoy_spec(self._settings, command.argv, command.open_files)
        _status, ran_already = await self._procd.ensure(spec)
        return ran_already
