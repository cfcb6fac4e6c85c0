"""Keeps a revision's two Services and tells whether anybody is behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import Object, is_controlled_by
from wakeful.apis.apps import Deployment
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import Endpoints
from wakeful.apis.networking import ServerlessService, ServerlessServiceMode
from wakeful.client import Client, Lister
from wakeful.controller import Result, telling
from wakeful.reconciler.networking.serverlessservice.resources import (
    Address,
    make_private_service,
    make_public_endpoints,
    make_public_service,
)

T = TypeVar("T", bound=Object)

ReadyAddresses = Callable[[str, str], Sequence[Address]]
"""Namespace and name of a Service to the addresses of its ready members."""


class ServerlessServiceReconciler:
    """Requests to the revision are answered when an instance is ready; the gate stands in else."""

    def __init__(
        self,
        client: Client,
        deployments: Lister[Deployment],
        services: Lister[Service],
        endpoints: Lister[Endpoints],
        ready: ReadyAddresses,
        gate: Sequence[Address] = (),
    ) -> None:
        self._client = client
        self._deployments, self._services, self._endpoints = deployments, services, endpoints
        self._ready, self._gate = ready, tuple(gate)

    async def reconcile_kind(self, service: ServerlessService) -> Result | None:
        """Keep the private Service, the public one and its Endpoints."""
        status = service.status
        private = await self._keep_private(service)
        if private is None:
            status.mark_endpoints_not_ready("NoHealthyBackends")
            return None
        status.private_service_name = private.metadata.name
        ready = self._ready(service.metadata.namespace, private.metadata.name)
        gated = not ready or service.spec.mode == ServerlessServiceMode.PROXY
        await self._keep_public(service)
        await self._keep_endpoints(service, (self._gate or ready) if gated else ready)
        status.service_name = service.metadata.name
        if ready:
            status.mark_endpoints_ready()
        else:
            status.mark_endpoints_not_ready("NoHealthyBackends")
        if gated:
            status.mark_activator_endpoints_populated()
        else:
            status.mark_activator_endpoints_removed()
        return None

    async def _keep_private(self, service: ServerlessService) -> Service | None:
        meta = service.metadata
        target = self._deployments.get(service.spec.object_ref.name, meta.namespace)
        if target is None:
            return None  # its creation brings us back
        selector = target.spec.selector.match_labels if target.spec.selector is not None else {}
        want = make_private_service(service, selector)
        have = self._services.get(want.metadata.name, meta.namespace)
        if have is None:
            service.status.mark_endpoints_not_ready("CreatingPrivateService")
            have = await self._create(service, want)
        self._require_owned(service, have)
        return await self._update_service(want, have)

    async def _keep_public(self, service: ServerlessService) -> None:
        want = make_public_service(service)
        have = self._services.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            service.status.mark_endpoints_not_ready("CreatingPublicService")
            have = await self._create(service, want)
        self._require_owned(service, have)
        await self._update_service(want, have)

    async def _keep_endpoints(
        self, service: ServerlessService, addresses: Sequence[Address]
    ) -> None:
        want = make_public_endpoints(service, addresses)
        have = self._endpoints.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._create(service, want)
        self._require_owned(service, have)
        if have.subsets != want.subsets:
            await self._client.update(have.model_copy(update={"subsets": want.subsets}))

    async def _create(self, service: ServerlessService, want: T) -> T:
        what = f'{want.gvk.kind} "{want.metadata.name}"'
        with telling(service.status.mark_endpoints_failed, what):
            return await self._client.create_or_get(want)

    async def _update_service(self, want: Service, have: Service) -> Service:
        """Bring in line what is ours to say; addresses and defaults are the server's."""
        if have.spec.selector == want.spec.selector and have.spec.ports == want.spec.ports:
            return have
        spec = have.spec.model_copy(
            update={"selector": want.spec.selector, "ports": want.spec.ports}
        )
        return await self._client.update(have.model_copy(update={"spec": spec}))

    @staticmethod
    def _require_owned(service: ServerlessService, child: Object) -> None:
        if is_controlled_by(child, service):
            return
        kind, name = child.gvk.kind, child.metadata.name
        service.status.mark_endpoints_not_owned(kind, name)
        raise TerminalError(f"SKS: {service.metadata.name} does not own {kind}: {name}")
