"""Keep a Service's children as its spec says, and its status as the children's."""

from __future__ import annotations

from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.serving import Configuration, Revision, Route, Service
from wakeful.apis.serving.service_lifecycle import ROUTES_READY
from wakeful.client import Lister
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configuration.revisions import is_name_taken
from wakeful.reconciler.serving.service.resources import (
    is_migrated,
    make_configuration,
    make_route,
)


class ServiceReconciler:
    """Makes a Configuration and a Route of every Service."""

    def __init__(
        self,
        children: Children,
        configurations: Lister[Configuration],
        routes: Lister[Route],
        revisions: Lister[Revision],
    ) -> None:
        self._children = children
        self._configurations, self._routes, self._revisions = configurations, routes, revisions

    async def reconcile_kind(self, service: Service) -> None:
        """Bring both children in line, the Configuration first."""
        configuration = await self._reconcile_configuration(service)
        name = configuration.spec.template.metadata.name
        if configuration.is_observed:
            service.status.propagate_configuration(configuration.status)
        else:
            service.status.mark_configuration_not_reconciled()
            if name:
                return  # The Route must not lead to a Revision that may turn out to be another's.
        named = self._revisions.get(name, service.metadata.namespace) if name else None
        if named is not None and is_name_taken(configuration, named):
            service.status.mark_revision_name_taken(name)
            return
        route = await self._reconcile_route(service)
        if not route.is_observed:
            service.status.mark_route_not_reconciled()
            return
        service.status.propagate_route(route.status)
        ready = service.status.condition(ROUTES_READY)
        if ready is not None and ready.is_true and not is_migrated(route, configuration):
            service.status.mark_traffic_not_migrated()

    async def _reconcile_configuration(self, service: Service) -> Configuration:
        meta = service.metadata
        have = self._configurations.get(meta.name, meta.namespace)
        if have is None:
            have = await self._children.create(
                service, make_configuration(service), mark=service.status.mark_configuration_failed
            )
        if not is_controlled_by(have, service):
            service.status.mark_configuration_not_owned(meta.name)
            raise TerminalError(f"{service} does not own {have}")
        return await self._children.update(
            make_configuration(service, have.metadata.annotations),
            have,
            mark=service.status.mark_configuration_failed,
        )

    async def _reconcile_route(self, service: Service) -> Route:
        meta = service.metadata
        have, want = self._routes.get(meta.name, meta.namespace), make_route(service)
        if have is None:
            mark = service.status.mark_route_failed
            have = await self._children.create(service, want, mark=mark)
        if not is_controlled_by(have, service):
            service.status.mark_route_not_owned(meta.name)
            raise TerminalError(f"{service} does not own {have}")
        return await self._children.update(want, have, mark=service.status.mark_route_failed)
