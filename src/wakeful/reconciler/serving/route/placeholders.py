"""Keep the Services that stand for a Route's targets inside the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apimachinery.errors import NotFoundError, TerminalError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.service_types import EXTERNAL_NAME
from wakeful.apis.networking import Ingress, IngressVisibility
from wakeful.apis.serving import Route
from wakeful.client import Client, Informer, Lister
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.indices import BY_ROUTE
from wakeful.reconciler.serving.route.hosts import HostNames
from wakeful.reconciler.serving.route.resources import is_current, make_placeholder, point_at


class Placeholders:
    """One Service for each target of a Route."""

    def __init__(
        self,
        client: Client,
        services: Informer[KubeService],
        endpoints: Lister[Endpoints],
        children: Children,
    ) -> None:
        self._client, self._services = client, services
        self._endpoints, self._children = endpoints, children

    def find(self, route: Route) -> dict[str, KubeService]:
        """The Services that carry the Route's name, by theirs."""
        found = self._services.by_index(BY_ROUTE, str(route.key))
        return {service.metadata.name: service for service in found}

    async def reconcile(
        self, route: Route, names: HostNames, visibility: Mapping[str, IngressVisibility]
    ) -> None:
        """Reserve the names of all targets, and give up those of targets that are gone.

        Raises:
            TerminalError: Somebody else's Service has one of the names.
        """
        wanted: set[str] = set()
        for tag in sorted(visibility):
            want = self._make(route, tag, names, visibility[tag])
            name = want.metadata.name
            wanted.add(name)
            have = self._services.get(name, route.metadata.namespace)
            if have is None:
                have = await self._children.create(
                    route,
                    want,
                    what=f'placeholder service "{name}"',
                    mark=route.status.mark_ingress_failed,
                )
            if not is_controlled_by(have, route):
                route.status.mark_service_not_owned(name)
                raise TerminalError(f"{route} does not own {have}")
        for name, service in self.find(route).items():
            if name not in wanted and is_controlled_by(service, route):
                await self._delete(service)

    async def lead_to(
        self,
        ingress: Ingress,
        route: Route,
        names: HostNames,
        visibility: Mapping[str, IngressVisibility],
    ) -> None:
        """Point every placeholder at the gateway, once the Ingress says where that is."""
        status = ingress.status
        balancer = status.private_load_balancer or status.public_load_balancer
        if balancer is None or not balancer.ingress:
            return
        gateway = balancer.ingress[0]
        for tag in sorted(visibility):
            want, endpoints = point_at(self._make(route, tag, names, visibility[tag]), gateway)
            have = self._services.get(want.metadata.name, route.metadata.namespace)
            if have is not None:
                await self._update(want, have)
                await self._reconcile_endpoints(route, endpoints, want.metadata.name)

    @staticmethod
    def _make(
        route: Route, tag: str, names: HostNames, visibility: IngressVisibility
    ) -> KubeService:
        host = names.host(route.metadata, tag, visibility)
        return make_placeholder(route, names.hostname(route.metadata.name, tag), host)

    async def _update(self, want: KubeService, have: KubeService) -> None:
        if is_current(want, have):
            return
        if have.spec.type not in (EXTERNAL_NAME, want.spec.type):
            # Kubernetes lets no Service that has an address become a mere name.
            await self._client.delete(KubeService, have.metadata.name, have.metadata.namespace)
            await self._client.create(want)
            return
        meta = have.metadata.model_copy(
            update={
                "labels": have.metadata.labels | want.metadata.labels,
                "annotations": have.metadata.annotations | want.metadata.annotations,
            }
        )
        spec = want.spec
        if have.spec.cluster_ip and not spec.cluster_ip and spec.type == have.spec.type:
            spec = spec.model_copy(update={"cluster_ip": have.spec.cluster_ip})
        await self._client.update(have.model_copy(update={"metadata": meta, "spec": spec}))

    async def _reconcile_endpoints(self, route: Route, want: Endpoints | None, name: str) -> None:
        have = self._endpoints.get(name, route.metadata.namespace)
        if have is not None and not is_controlled_by(have, route):
            return
        if want is None:
            if have is not None:
                await self._client.delete(Endpoints, name, route.metadata.namespace)
        elif have is None:
            await self._client.create_or_get(want)
        elif _addresses(have) != _addresses(want):
            await self._client.update(have.model_copy(update={"subsets": want.subsets}))

    async def _delete(self, service: KubeService) -> None:
        try:
            await self._client.delete(
                KubeService,
                service.metadata.name,
                service.metadata.namespace,
                uid=service.metadata.uid,
            )
        except NotFoundError:
            return


def _addresses(endpoints: Endpoints) -> list[tuple[str, int]]:
    return [
        (address.ip, port.port)
        for subset in endpoints.subsets
        for address in subset.addresses
        for port in subset.ports
    ]
