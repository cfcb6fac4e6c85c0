"""Reports on an Ingress what the gateway does with it."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apis.networking import Ingress, LoadBalancerIngressStatus
from wakeful.apis.networking.gateway_role import IngressServing, ServingPhase
from wakeful.controller import Result

_LOOK_AGAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class GatewayDomains:
    """Names under which the gateway is found from inside, by visibility."""

    public: str = "wakeful-gateway.knative-serving.svc.cluster.local"
    private: str = "wakeful-gateway-internal.knative-serving.svc.cluster.local"


class IngressReconciler:
    """Ready means: a probe of every host came back with the hash of this very generation."""

    def __init__(self, serving: IngressServing, domains: GatewayDomains) -> None:
        self._serving, self._domains = serving, domains

    async def reconcile_kind(self, ingress: Ingress) -> Result | None:
        """Copy the gateway's word into the status."""
        status = ingress.status
        state = self._serving.ingress_state(ingress)
        if state.phase is ServingPhase.REFUSED:
            status.mark_network_not_configured(state.reason, state.message)
            status.mark_load_balancer_failed(state.reason, state.message)
            return None
        status.mark_network_configured()
        if state.phase is ServingPhase.SERVED:
            status.mark_load_balancer_ready(
                [LoadBalancerIngressStatus(domain_internal=self._domains.public)],
                [LoadBalancerIngressStatus(domain_internal=self._domains.private)],
            )
            return None
        status.mark_load_balancer_not_ready()
        return Result(requeue_after=_LOOK_AGAIN_SECONDS)  # the gateway tells; this is the net
