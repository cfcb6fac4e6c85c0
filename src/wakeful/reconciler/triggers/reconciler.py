"""Keep a listener's name and hosts, and say where it is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import Object, is_controlled_by
from wakeful.apis.core import Service as KubeService
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.duck import Addressable
from wakeful.apis.networking import Ingress, IngressVisibility
from wakeful.apis.triggers import EventListener
from wakeful.client import Lister
from wakeful.controller import Result
from wakeful.reconciler.networking import GatewayDomains
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.route.hosts import DomainNameError, HostNames
from wakeful.reconciler.triggers.resources import (
    host_meta,
    make_hub_endpoints,
    make_hub_service,
    make_ingress,
    make_service,
    service_name,
)

T = TypeVar("T", bound=Object)


@dataclass(frozen=True, slots=True)
class ListenerListers:
    """The caches of a listener's children."""

    services: Lister[KubeService]
    endpoints: Lister[EndpointSlice]
    ingresses: Lister[Ingress]


class EventListenerReconciler:
    """Publishes listeners through the gateway; the hub answers for them."""

    def __init__(
        self,
        listers: ListenerListers,
        children: Children,
        names: Current[HostNames],
        hub_port: Callable[[], int],
    ) -> None:
        self._listers, self._hub_port = listers, hub_port
        self._children, self._names = children, names

    async def reconcile_kind(self, listener: EventListener) -> Result | None:
        """Make the children, then copy what the gateway says."""
        names, meta = self._names.current(), host_meta(listener)
        try:
            public = names.host(meta, "", IngressVisibility.EXTERNAL_IP)
            internal = names.host(meta, "", IngressVisibility.CLUSTER_LOCAL)
            url = names.url(meta, "", IngressVisibility.EXTERNAL_IP)
        except DomainNameError as error:
            listener.status.mark_no_address("ErrorConfig", str(error))
            return None
        port = self._hub_port()
        if not port:
            listener.status.mark_address_pending("the platform does not listen yet")
            return None
        listers = self._listers
        await self._keep(listener, make_hub_service(listener, port), listers.services)
        await self._keep_endpoints(listener, make_hub_endpoints(listener, port))
        await self._keep(
            listener, make_service(listener, GatewayDomains().private), listers.services
        )
        want = make_ingress(listener, public, internal, names.network.ingress_class)
        ingress = await self._keep(listener, want, listers.ingresses)
        status = listener.status
        status.address = Addressable(url=f"http://{internal}")
        status.url = url
        status.configuration = {"generatedName": service_name(listener)}
        if ingress.is_ready:
            status.mark_listening()
        else:
            status.mark_address_pending("the gateway does not serve it yet")
        return None

    async def _keep(self, listener: EventListener, want: T, lister: Lister[T]) -> T:
        meta = want.metadata
        have = lister.get(meta.name, meta.namespace)
        if have is None:
            have = await self._children.create(listener, want)
        self._check_owned(listener, have)
        if is_current(want, have):
            return have
        return await self._children.update(want, have)

    async def _keep_endpoints(self, listener: EventListener, want: EndpointSlice) -> None:
        meta = want.metadata
        have = self._listers.endpoints.get(meta.name, meta.namespace)
        if have is None:
            have = await self._children.create(listener, want)
        self._check_owned(listener, have)
        if (have.ports, have.endpoints) != (want.ports, want.endpoints):
            fresh = have.model_copy(update={"ports": want.ports, "endpoints": want.endpoints})
            await self._children.replace(fresh)

    def _check_owned(self, listener: EventListener, child: Object) -> None:
        if not is_controlled_by(child, listener):
            what = f"{child.gvk.kind} {child.metadata.name!r}"
            problem = f"there is a {what} that this listener does not own"
            listener.status.mark_no_address("NotOwned", problem)
            raise TerminalError(problem)


def is_current(want: Object, have: Object) -> bool:
    """Whether a child is as it should be, whatever defaults it was given."""
    if isinstance(want, KubeService) and isinstance(have, KubeService):
        a, b = want.spec, have.spec
        return (a.type or "ClusterIP", a.external_name) == (b.type, b.external_name) and [
            (p.port, p.target_port) for p in a.ports
        ] == [(p.port, p.target_port) for p in b.ports]
    return False
