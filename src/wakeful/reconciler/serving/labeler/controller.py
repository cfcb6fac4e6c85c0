"""What makes the labels of a Route's targets worth checking: the Route, and the targets."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.serving import Configuration, Revision, Route, register
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.labeler.reconciler import ROUTES_INDEX, Labeler, index_routes
from wakeful.reconciler.serving.labeler.routes import split_routes
from wakeful.reconciler.serving.route.targets import RouteIndex


def make_controller(manager: Manager, clock: Clock, index: RouteIndex) -> Controller[Route]:
    """Wire the controller to its informers."""
    revisions, configurations = manager.informer(Revision), manager.informer(Configuration)
    revisions.add_index(ROUTES_INDEX, index_routes)
    configurations.add_index(ROUTES_INDEX, index_routes)
    controller = Controller(
        "labels.serving",
        manager.client,
        manager.informer(Route),
        Labeler(manager.client, revisions, configurations, clock),
    )
    for mapper in (index.routes_to_revision, _named):
        controller.watch(revisions, mapper)
    for other in (index.routes_to_configuration, _named):
        controller.watch(configurations, other)
    return controller


def _named(obj: Revision | Configuration) -> Iterable[NamespacedName]:
    """The Routes written on an object, to find out whether they still lead there."""
    names = split_routes(obj.metadata.annotations.get(register.ROUTES, ""))
    return [NamespacedName(obj.metadata.namespace, name) for name in names]
