"""Which Routes lead to a Revision or a Configuration."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.serving import Configuration, Revision, Route, register
from wakeful.client import Informer

_REVISION, _CONFIGURATION = "route/revision", "route/configuration"


class RouteIndex:
    """Finds Routes by their targets, existing or not."""

    def __init__(self, routes: Informer[Route]) -> None:
        self._routes = routes
        routes.add_index(_REVISION, _revisions)
        routes.add_index(_CONFIGURATION, _configurations)

    def routes_to_configuration(self, configuration: Configuration) -> list[NamespacedName]:
        """Routes that follow a Configuration, or one of its Revisions."""
        return self._by_configuration(configuration.metadata.namespace, configuration.metadata.name)

    def routes_to_revision(self, revision: Revision) -> list[NamespacedName]:
        """Routes that name a Revision, or follow its Configuration."""
        meta = revision.metadata
        found = [r.key for r in self._routes.by_index(_REVISION, f"{meta.namespace}/{meta.name}")]
        owner = meta.labels.get(register.CONFIGURATION, "")
        return [*found, *self._by_configuration(meta.namespace, owner)]

    def _by_configuration(self, namespace: str, name: str) -> list[NamespacedName]:
        found = self._routes.by_index(_CONFIGURATION, f"{namespace}/{name}")
        return [route.key for route in found]


def _revisions(route: Route) -> Iterable[str]:
    return _keys(route, "revision_name")


def _configurations(route: Route) -> Iterable[str]:
    return _keys(route, "configuration_name")


def _keys(route: Route, field: str) -> set[str]:
    namespace = route.metadata.namespace
    targets = (*route.spec.traffic, *route.status.traffic)
    return {f"{namespace}/{name}" for t in targets if (name := getattr(t, field))}
