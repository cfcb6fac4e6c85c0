"""Wires the controllers and admission hooks of the core group."""

from __future__ import annotations

from dataclasses import dataclass, field

from wakeful.aio import Clock, SystemClock
from wakeful.apis.core import Node, Pod
from wakeful.apiserver.admission import AdmissionHook
from wakeful.controller import Manager
from wakeful.reconciler.core.admission import (
    PodBinder,
    ServiceAddresses,
    admit_service_account,
)
from wakeful.reconciler.core.claims.controller import make_claim_controller
from wakeful.reconciler.core.endpoints.controller import make_endpoints_controllers
from wakeful.reconciler.core.gc.wiring import add_garbage_collector
from wakeful.reconciler.core.namespace.controller import (
    make_namespace_controller,
    make_namespace_terminator,
)
from wakeful.reconciler.core.pods.collector import PodCollector
from wakeful.reconciler.core.pods.expiry import EventExpiry
from wakeful.reconciler.core.quota.admission import admit_within_quota
from wakeful.reconciler.core.quota.controller import make_quota_controller
from wakeful.reconciler.core.scheduling.fit import NodeUsage
from wakeful.reconciler.core.scheduling.scheduler import make_scheduler


@dataclass(frozen=True, slots=True)
class CoreAdmission:
    """The part that runs inside the API server; made before it, shared with the controllers."""

    service_network: str = "198.18.0.0/16"
    """Where cluster addresses of services come from."""
    usage: NodeUsage = field(default_factory=NodeUsage)

    def hooks(self) -> tuple[AdmissionHook, ...]:
        """Hooks for the API server, in order."""
        return (
            admit_service_account,
            PodBinder(self.usage),
            ServiceAddresses(self.service_network),
            admit_within_quota,
        )


def add_core_controllers(
    manager: Manager,
    admission: CoreAdmission | None = None,
    *,
    root_ca: str = "",
    claims_dir: str = "/var/lib/wakeful/claims",
    clock: Clock | None = None,
) -> None:
    """Add every controller of the core group.

    ``admission`` is the one whose hooks the API server runs; ``root_ca`` is the certificate (PEM)
    that every namespace gets in ``kube-root-ca.crt``; ``claims_dir`` is where the node keeps the
    directories of claims. Endpoints come first: a held request waits for them.
    """
    clock = clock or SystemClock()
    admission = admission or CoreAdmission()
    for controller in make_endpoints_controllers(manager):
        manager.add(controller)
    manager.add(make_namespace_controller(manager, root_ca))
    manager.add(make_namespace_terminator(manager, clock))
    manager.add(make_scheduler(manager, admission.usage, clock))
    manager.add(make_claim_controller(manager, clock, claims_dir))
    manager.add(make_quota_controller(manager))
    manager.add(PodCollector(manager.client, manager.informer(Pod), manager.informer(Node)))
    manager.add(EventExpiry(manager.client.transport, clock))
    add_garbage_collector(manager)
