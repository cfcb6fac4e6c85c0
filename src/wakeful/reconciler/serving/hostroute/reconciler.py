"""Claim the hosts, find the services, and have the gateway tell their requests apart."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.duck import Destination
from wakeful.apis.routing import HostRoute
from wakeful.apis.serving.config import NetworkConfig
from wakeful.controller import Result
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.hostroute.resources import (
    UID_LABEL,
    Targets,
    certificate_names,
    ingress_name,
    make_ingress,
    reference,
)
from wakeful.reconciler.serving.publishedtarget import Target, UnmappableError, parse_target
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress


class HostRouteReconciler:
    """Publishes HostRoutes."""

    finalizer = "hostroutes.networking.wakeful.dev"

    def __init__(
        self,
        resolver: DestinationResolver,
        publisher: Publisher,
        network: Current[NetworkConfig],
        gateway: GatewayAddress,
    ) -> None:
        self._resolver, self._publisher = resolver, publisher
        self._network, self._gateway = network, gateway

    async def reconcile_kind(self, route: HostRoute) -> Result | None:
        """What is published stays as it is while a claim or a reference is bad."""
        status, own = route.status, route.spec.tls
        self._resolver.forget(route.key)
        network = self._network.current()
        self._show(route, secure=own is not None)
        if not await self._publisher.claim(route, status, route.spec.hosts, network):
            return None
        secret = own.secret_name if own is not None else ""
        tls = await self._publisher.certify(
            route,
            status,
            certificate_names(route),
            secret,
            network,
            {UID_LABEL: route.metadata.uid},
        )
        first = route.spec.hosts[0]
        self._show(route, secure=any(first in entry.hosts for entry in tls))
        targets = await self._resolve(route)
        if targets is not None:
            want = make_ingress(route, targets, tls, network)
            await self._publisher.publish(route, status, want)
        return None

    async def finalize_kind(self, route: HostRoute) -> Result | None:
        """Let the hosts go."""
        self._resolver.forget(route.key)
        await self._publisher.retract(
            route, ingress_name(route.metadata), route.spec.hosts, self._network.current()
        )
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks what it refers to any more."""
        self._resolver.forget(key)

    def _show(self, route: HostRoute, *, secure: bool) -> None:
        scheme = "https" if secure else "http"
        route.status.url = self._gateway.url(scheme, route.spec.hosts[0])

    async def _resolve(self, route: HostRoute) -> Targets | None:
        """Where all targets are; the first that is nowhere is told."""
        namespace = route.metadata.namespace
        found: dict[tuple[int, int], Target] = {}
        for number, rule in enumerate(route.spec.rules):
            for index, target in enumerate(rule.to):
                ref = reference(target, namespace)
                try:
                    address = await self._resolver.resolve(Destination(ref=ref), route)
                    found[number, index] = parse_target(address.url, namespace)
                except (UnresolvedError, UnmappableError) as err:
                    route.status.mark_reference_not_resolved(
                        f"spec.rules[{number}].to[{index}]: {err}"
                    )
                    return None
        route.status.mark_reference_resolved()
        return found
