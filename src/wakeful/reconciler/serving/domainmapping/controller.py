"""What makes a DomainMapping worth looking at again: its Ingress, its claim, its target."""

from __future__ import annotations

from wakeful.apis.networking import Certificate, ClusterDomainClaim, Ingress
from wakeful.apis.serving import DOMAINMAPPING_CONDITIONS, DomainMapping
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.domainmapping.reconciler import DomainMappingReconciler
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress

_BY_NAME = "domainmapping:name"


def make_controller(
    manager: Manager, configs: ServingConfigs, gateway: GatewayAddress, publisher: Publisher
) -> Controller[DomainMapping]:
    """Wire the controller to its informers."""
    mappings = manager.informer(DomainMapping)
    mappings.add_index(_BY_NAME, lambda mapping: (mapping.metadata.name,))
    resolver = DestinationResolver(manager)
    controller = Controller(
        "domainmappings.serving",
        manager.client,
        mappings,
        DomainMappingReconciler(resolver, publisher, configs.network, gateway),
        conditions=DOMAINMAPPING_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(controller)
    controller.watch_owned(manager.informer(Ingress))
    controller.watch_owned(manager.informer(Certificate))
    # Whoever waits for the name, in any namespace, may have it now.
    controller.watch(
        manager.informer(ClusterDomainClaim),
        lambda claim: [m.key for m in mappings.by_index(_BY_NAME, claim.metadata.name)],
    )
    configs.network.on_change(controller.enqueue_all)
    return controller
