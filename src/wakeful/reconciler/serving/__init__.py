"""Serving: what turns Services into running, reachable, sleeping Revisions.

One folder for each kind: ``controller`` says what to watch, ``reconciler`` what to do,
``resources`` and its neighbours decide without doing anything. Not for scaling
(``wakeful.reconciler.autoscaling``), nor for carrying requests (``wakeful.gateway``).
"""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.apis.networking import Certificate, ClusterDomainClaim, Ingress
from wakeful.apis.serving import Route
from wakeful.controller import Manager
from wakeful.reconciler.serving.certificates import Certifier
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.config_admission import admit_config_maps
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.configuration.controller import (
    make_controller as make_configuration_controller,
)
from wakeful.reconciler.serving.domainmapping.controller import (
    make_controller as make_domainmapping_controller,
)
from wakeful.reconciler.serving.dry_run_admission import admit_dry_runs
from wakeful.reconciler.serving.gc.controller import make_controller as make_gc_controller
from wakeful.reconciler.serving.hostroute.controller import (
    make_controller as make_hostroute_controller,
)
from wakeful.reconciler.serving.indices import add_indices
from wakeful.reconciler.serving.labeler.controller import make_controller as make_labeler
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.revision.controller import (
    make_controller as make_revision_controller,
)
from wakeful.reconciler.serving.revision.digests import DigestQueue, DigestResolver
from wakeful.reconciler.serving.route.controller import make_controller as make_route_controller
from wakeful.reconciler.serving.route.hosts import GatewayAddress
from wakeful.reconciler.serving.route.targets import RouteIndex
from wakeful.reconciler.serving.service.controller import (
    make_controller as make_service_controller,
)
from wakeful.reconciler.serving.wildcard.controller import (
    make_controller as make_wildcard_controller,
)


def add_controllers(
    manager: Manager,
    *,
    resolver: DigestResolver,
    gateway: GatewayAddress,
    authority_pem: str = "",
    clock: Clock | None = None,
) -> None:
    """Have ``manager`` run everything Serving consists of.

    ``resolver`` says what tags stand for; ``gateway`` is what people put into their browsers;
    ``authority_pem`` is the certificate of whoever signs those of services.
    """
    clock = clock or SystemClock()
    add_indices(manager)
    configs = ServingConfigs(manager)
    digests = DigestQueue(resolver, clock=clock)
    index = RouteIndex(manager.informer(Route))
    children = Children(manager.client, manager.recorder)
    certifier = Certifier(manager.client, manager.informer(Certificate), children, authority_pem)
    ingresses, claims = manager.informer(Ingress), manager.informer(ClusterDomainClaim)
    publisher = Publisher(manager.client, ingresses, claims, children, certifier, manager.recorder)
    for runnable in (
        digests,
        make_service_controller(manager),
        make_configuration_controller(manager, clock),
        make_revision_controller(manager, configs, digests),
        make_route_controller(manager, configs, gateway, index, certifier, clock),
        make_domainmapping_controller(manager, configs, gateway, publisher),
        make_hostroute_controller(manager, configs, gateway, publisher),
        make_labeler(manager, clock, index),
        make_wildcard_controller(manager, configs, children),
        make_gc_controller(manager, configs, clock),
    ):
        manager.add(runnable)


__all__ = [
    "DigestResolver",
    "GatewayAddress",
    "add_controllers",
    "admit_config_maps",
    "admit_dry_runs",
]
