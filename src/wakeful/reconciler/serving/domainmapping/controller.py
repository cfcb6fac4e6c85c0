"""What makes a DomainMapping worth looking at again: its Ingress, its claim, its target."""

from __future__ import annotations

from wakeful.apis.serving import DOMAINMAPPING_CONDITIONS, DomainMapping
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.domainmapping.reconciler import DomainMappingReconciler
from wakeful.reconciler.serving.publishedcontroller import watch_published
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress


def make_controller(
    manager: Manager, configs: ServingConfigs, gateway: GatewayAddress, publisher: Publisher
) -> Controller[DomainMapping]:
    """Wire the controller to its informers."""
    mappings = manager.informer(DomainMapping)
    resolver = DestinationResolver(manager)
    controller = Controller(
        "domainmappings.serving",
        manager.client,
        mappings,
        DomainMappingReconciler(resolver, publisher, configs.network, gateway),
        conditions=DOMAINMAPPING_CONDITIONS,
        recorder=manager.recorder,
    )
    watch_published(
        controller,
        mappings,
        lambda mapping: (mapping.metadata.name,),
        manager=manager,
        configs=configs,
        resolver=resolver,
    )
    return controller
