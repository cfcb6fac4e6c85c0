"""What makes an Ingress worth looking at again: itself, and news from the gateway."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apis.networking import INGRESS_CONDITIONS, Ingress
from wakeful.apis.networking.gateway_role import IngressServing
from wakeful.controller import Controller, Manager
from wakeful.reconciler.networking.ingress.reconciler import GatewayDomains, IngressReconciler


def add_ingress_controller(
    manager: Manager,
    serving: IngressServing,
    domains: GatewayDomains | None = None,
    *,
    selects: Callable[[Ingress], bool] | None = None,
) -> Controller[Ingress]:
    """Build the controller and have the manager run it.

    ``selects`` must be the same choice that the gateway was given.
    """
    controller = Controller(
        "ingresses.networking",
        manager.client,
        manager.informer(Ingress),
        IngressReconciler(serving, domains or GatewayDomains()),
        conditions=INGRESS_CONDITIONS,
        recorder=manager.recorder,
        selects=selects,
    )
    serving.on_ingress_change(controller.enqueue)
    manager.add(controller)
    return controller
