"""What makes a DomainMapping worth looking at again: its Ingress, its claim, its target."""

from __future__ import annotations

from wakeful.apis.networking import Certificate, ClusterDomainClaim, Ingress
from wakeful.apis.serving import DomainMapping
from wakeful.apis.serving.domainmapping_lifecycle import DOMAINMAPPING_CONDITIONS
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.certificates import Certifier
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.domainmapping.reconciler import DomainMappingReconciler
from wakeful.reconciler.serving.route.hosts import GatewayAddress

_BY_NAME = "domainmapping:name"


def make_controller(
    manager: Manager, configs: ServingConfigs, gateway: GatewayAddress, certifier: Certifier
) -> Controller[DomainMapping]:
    """Wire the controller to its informers."""
    mappings = manager.informer(DomainMapping)
    mappings.add_index(_BY_NAME, lambda mapping: (mapping.metadata.name,))
    ingresses, claims = manager.informer(Ingress), manager.informer(ClusterDomainClaim)
    resolver = DestinationResolver(manager)
    controller = Controller(
        "domainmappings.serving",
        manager.client,
        mappings,
        DomainMappingReconciler(
            manager.client,
            ingresses,
            claims,
            resolver,
            Children(manager.client, manager.recorder),
            certifier,
            configs.network,
            gateway,
        ),
        conditions=DOMAINMAPPING_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(controller)
    controller.watch_owned(ingresses)
    controller.watch_owned(manager.informer(Certificate))
    # Whoever waits for the name, in any namespace, may have it now.
    controller.watch(
        claims,
        lambda claim: [m.key for m in mappings.by_index(_BY_NAME, claim.metadata.name)],
    )
    configs.network.on_change(controller.enqueue_all)
    return controller
