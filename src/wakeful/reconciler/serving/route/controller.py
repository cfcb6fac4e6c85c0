"""What makes a Route worth looking at again: targets, children, and how hosts are named."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.apis.networking import Certificate, Ingress
from wakeful.apis.serving import ROUTE_CONDITIONS, Configuration, Revision, Route
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.certificates import WILDCARD_DOMAIN, Certifier
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.route.hosts import GatewayAddress, HostNames
from wakeful.reconciler.serving.route.placeholders import Placeholders
from wakeful.reconciler.serving.route.reconciler import RouteListers, RouteReconciler
from wakeful.reconciler.serving.route.resources import RouteConfig
from wakeful.reconciler.serving.route.targets import RouteIndex


class LiveRouteConfig:
    """The settings of several maps, and the gateway's ports, in one."""

    def __init__(self, configs: ServingConfigs, gateway: GatewayAddress) -> None:
        self._configs, self._gateway = configs, gateway

    def current(self) -> RouteConfig:
        """The values in force."""
        domain, network = self._configs.domain.current(), self._configs.network.current()
        return RouteConfig(
            HostNames(domain, network, self._gateway), self._configs.features.current()
        )


def make_controller(
    manager: Manager,
    configs: ServingConfigs,
    gateway: GatewayAddress,
    index: RouteIndex,
    certifier: Certifier,
    clock: Clock,
) -> Controller[Route]:
    """Wire the controller to its informers."""
    configurations, revisions = manager.informer(Configuration), manager.informer(Revision)
    services, ingresses = manager.informer(KubeService), manager.informer(Ingress)
    endpoints = manager.informer(Endpoints)
    children = Children(manager.client, manager.recorder)
    controller = Controller(
        "routes.serving",
        manager.client,
        manager.informer(Route),
        RouteReconciler(
            RouteListers(configurations, revisions, ingresses),
            Placeholders(manager.client, services, endpoints, children),
            children,
            certifier,
            LiveRouteConfig(configs, gateway),
            clock,
        ),
        conditions=ROUTE_CONDITIONS,
        recorder=manager.recorder,
    )
    controller.watch(configurations, index.routes_to_configuration)
    controller.watch(revisions, index.routes_to_revision)
    controller.watch_owned(services)
    # A stranger's Service of our name is in the way until it goes.
    controller.watch(services, lambda service: (service.key,))
    controller.watch_owned(ingresses)
    certificates, routes = manager.informer(Certificate), manager.informer(Route)

    def of_wildcard(certificate: Certificate) -> Iterable[NamespacedName]:
        meta = certificate.metadata
        shared = WILDCARD_DOMAIN in meta.labels
        return [route.key for route in routes.list(meta.namespace)] if shared else ()

    controller.watch_owned(certificates)
    controller.watch(certificates, of_wildcard)
    for store in (configs.domain, configs.network, configs.features):
        store.on_change(controller.enqueue_all)
    return controller
