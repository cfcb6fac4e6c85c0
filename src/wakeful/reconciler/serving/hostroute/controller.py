"""What makes a HostRoute worth looking at again: its Ingress, its claims, its services."""

from __future__ import annotations

from wakeful.apis.networking import Certificate, ClusterDomainClaim, Ingress
from wakeful.apis.routing import HOSTROUTE_CONDITIONS, HostRoute
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.hostroute.reconciler import HostRouteReconciler
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress

_BY_HOST = "hostroute:host"


def make_controller(
    manager: Manager, configs: ServingConfigs, gateway: GatewayAddress, publisher: Publisher
) -> Controller[HostRoute]:
    """Wire the controller to its informers."""
    routes = manager.informer(HostRoute)
    routes.add_index(_BY_HOST, lambda route: route.spec.hosts)
    resolver = DestinationResolver(manager)
    controller = Controller(
        "hostroutes.networking",
        manager.client,
        routes,
        HostRouteReconciler(resolver, publisher, configs.network, gateway),
        conditions=HOSTROUTE_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(controller)
    controller.watch_owned(manager.informer(Ingress))
    controller.watch_owned(manager.informer(Certificate))
    controller.watch(
        manager.informer(ClusterDomainClaim),
        lambda claim: [route.key for route in routes.by_index(_BY_HOST, claim.metadata.name)],
    )
    configs.network.on_change(controller.enqueue_all)
    return controller
