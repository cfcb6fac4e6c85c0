"""Keep what leads where written on Revisions and Configurations."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from wakeful.aio import Clock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.serving import Configuration, Revision, Route, register
from wakeful.client import Client, Informer
from wakeful.reconciler.serving.labeler.routes import split_routes
from wakeful.reconciler.serving.labeler.state import find_targets, make_patch

T = TypeVar("T", Revision, Configuration)

ROUTES_INDEX = "labeler/routes"


def index_routes(obj: Object) -> Iterable[str]:
    """``namespace/route`` for each Route written on an object."""
    names = split_routes(obj.metadata.annotations.get(register.ROUTES, ""))
    return [f"{obj.metadata.namespace}/{name}" for name in names]


class Labeler:
    """Reconciles Routes; both informers need :func:`index_routes` under ``ROUTES_INDEX``.

    A Route that is gone is noticed by what still names it, so no finalizer holds Routes back.
    """

    def __init__(
        self,
        client: Client,
        revisions: Informer[Revision],
        configurations: Informer[Configuration],
        clock: Clock,
    ) -> None:
        self._client, self._clock = client, clock
        self._revisions, self._configurations = revisions, configurations

    async def reconcile_kind(self, route: Route) -> None:
        """Add the Route where it leads; remove it elsewhere once it is settled where it leads."""
        namespace = route.metadata.namespace
        targets = find_targets(
            route,
            lambda name: self._revisions.get(name, namespace),
            lambda name: self._configurations.get(name, namespace),
        )
        if route.is_ready or route.is_failed:
            await self._clear(self._revisions, route.key, targets.revisions)
            await self._clear(self._configurations, route.key, targets.configurations)
        await self._mark(self._revisions, route.key, targets.revisions)
        await self._mark(self._configurations, route.key, targets.configurations)

    async def observe_deletion(self, key: NamespacedName) -> None:
        """The Route leads nowhere any more."""
        await self._clear(self._revisions, key, ())
        await self._clear(self._configurations, key, ())

    async def _mark(
        self, informer: Informer[T], route: NamespacedName, names: Collection[str]
    ) -> None:
        for name in sorted(names):
            obj = informer.get(name, route.namespace)
            if obj is not None:
                await self._patch(obj, route, leads_here=True)

    async def _clear(
        self, informer: Informer[T], route: NamespacedName, keep: Collection[str]
    ) -> None:
        for obj in informer.by_index(ROUTES_INDEX, str(route)):
            if obj.metadata.name not in keep:
                await self._patch(obj, route, leads_here=False)

    async def _patch(
        self, obj: Revision | Configuration, route: NamespacedName, *, leads_here: bool
    ) -> None:
        patch = make_patch(obj, route.name, leads_here=leads_here, now=self._clock.now())
        if patch is None or obj.is_deleting:
            return
        # Lists are written whole: a Route added meanwhile must not be lost.
        patch["metadata"]["resourceVersion"] = obj.metadata.resource_version
        try:
            await self._client.patch(type(obj), obj.metadata.name, obj.metadata.namespace, patch)
        except NotFoundError:
            return
