"""How an Ingress's status comes to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import Field

from wakeful.apimachinery.conditions import (
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
    utc_now,
)
from wakeful.apimachinery.meta import APIModel

NETWORK_CONFIGURED = "NetworkConfigured"
"""The gateway was told."""
LOAD_BALANCER_READY = "LoadBalancerReady"
"""Requests that reach the gateway are served as asked."""

INGRESS_CONDITIONS = ConditionSet.living(NETWORK_CONFIGURED, LOAD_BALANCER_READY)


class LoadBalancerIngressStatus(APIModel):
    """One way to reach the gateway."""

    ip: str = ""
    domain: str = ""
    domain_internal: str = ""
    """Reachable from inside the cluster only."""
    mesh_only: bool = False


class LoadBalancerStatus(APIModel):
    """All ways to reach the gateway, from one side."""

    ingress: list[LoadBalancerIngressStatus] = Field(default_factory=list)


class IngressStatus(ConditionedStatus):
    """Whether and where the hosts are served."""

    public_load_balancer: LoadBalancerStatus | None = None
    private_load_balancer: LoadBalancerStatus | None = None

    def manage(self, now: Callable[[], datetime] = utc_now) -> ConditionManager:
        """The conditions, to be set."""
        return INGRESS_CONDITIONS.manage(self, now)

    def mark_network_configured(self) -> None:
        """The gateway was told."""
        self.manage().mark_true(NETWORK_CONFIGURED)

    def mark_network_not_configured(self, reason: str, message: str) -> None:
        """The gateway cannot be told, or refused."""
        self.manage().mark_false(NETWORK_CONFIGURED, reason, message)

    def mark_resource_not_owned(self, kind: str, name: str) -> None:
        """A name that is needed belongs to somebody else."""
        self.mark_network_not_configured(
            "NotOwned", f'There is an existing {kind} "{name}" that we do not own.'
        )

    def mark_load_balancer_ready(
        self,
        public: Sequence[LoadBalancerIngressStatus],
        private: Sequence[LoadBalancerIngressStatus],
    ) -> None:
        """Requests are served, under these addresses."""
        self.public_load_balancer = LoadBalancerStatus(ingress=list(public))
        self.private_load_balancer = LoadBalancerStatus(ingress=list(private))
        self.manage().mark_true(LOAD_BALANCER_READY)

    def mark_load_balancer_not_ready(self) -> None:
        """The gateway does not serve the present spec yet."""
        self.manage().mark_unknown(
            LOAD_BALANCER_READY, "Uninitialized", "Waiting for load balancer to be ready"
        )

    def mark_load_balancer_failed(self, reason: str, message: str) -> None:
        """The gateway will not serve it."""
        self.manage().mark_false(LOAD_BALANCER_READY, reason, message)
