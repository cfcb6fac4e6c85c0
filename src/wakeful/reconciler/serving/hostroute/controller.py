"""What makes a HostRoute worth looking at again: its Ingress, its claims, its services."""

from __future__ import annotations

from wakeful.apis.routing import HOSTROUTE_CONDITIONS, HostRoute
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.hostroute.reconciler import HostRouteReconciler
from wakeful.reconciler.serving.publishedcontroller import watch_published
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress


def make_controller(
    manager: Manager, configs: ServingConfigs, gateway: GatewayAddress, publisher: Publisher
) -> Controller[HostRoute]:
    """Wire the controller to its informers."""
    routes = manager.informer(HostRoute)
    resolver = DestinationResolver(manager)
    controller = Controller(
        "hostroutes.networking",
        manager.client,
        routes,
        HostRouteReconciler(resolver, publisher, configs.network, gateway),
        conditions=HOSTROUTE_CONDITIONS,
        recorder=manager.recorder,
    )
    watch_published(
        controller,
        routes,
        lambda route: route.spec.hosts,
        manager=manager,
        configs=configs,
        resolver=resolver,
    )
    return controller
