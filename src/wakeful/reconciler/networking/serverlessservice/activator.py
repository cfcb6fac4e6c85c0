"""Tells where the gate is, under the name by which Knative's activator is known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wakeful.apis.discovery import make_selectorless_service
from wakeful.apis.serving.register import SYSTEM_NAMESPACE
from wakeful.client import Client
from wakeful.reconciler.networking.serverlessservice.resources import HTTP_PORT, Address

NAME = "activator-service"


class ActivatorService:
    """Publishes the gate's addresses, which may be others in each run."""

    def __init__(self, client: Client, gate: Sequence[Address]) -> None:
        self.name = NAME
        self._client, self._gate = client, gate

    async def run(self) -> None:
        """Publish once; then there is nothing to do."""
        for want in make_selectorless_service(
            NAME,
            SYSTEM_NAMESPACE,
            port=HTTP_PORT,
            target_port=self._gate[0][1] if self._gate else HTTP_PORT,
            addresses=[address for address, _ in self._gate],
            labels={"app": "activator"},
        ):
            await self._client.create_or_patch(want)
        await asyncio.Event().wait()
