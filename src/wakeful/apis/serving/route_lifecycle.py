"""How a Route's status comes to be: from its targets, its Ingress and its certificates."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from wakeful.apimachinery.conditions import (
    Condition,
    ConditionManager,
    ConditionSet,
)
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck import Addressable
from wakeful.apis.serving.certificate_lifecycle import (
    CERTIFICATE_PROVISIONED,
    CertifiedStatus,
)
from wakeful.apis.serving.traffic_types import TrafficTarget

ALL_TRAFFIC_ASSIGNED = "AllTrafficAssigned"
INGRESS_READY = "IngressReady"

ROUTE_CONDITIONS = ConditionSet.living(ALL_TRAFFIC_ASSIGNED, INGRESS_READY, CERTIFICATE_PROVISIONED)


class RouteReason(StrEnum):
    """Reasons that Serving itself gives."""

    REVISION_MISSING = "RevisionMissing"
    REVISION_NOT_OWNED = "RevisionNotOwned"
    INGRESS_NOT_CONFIGURED = "IngressNotConfigured"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    NOT_OWNED = "NotOwned"
    ERROR_CONFIG = "ErrorConfig"


class RouteStatusFields(APIModel):
    """Where it is reached and who answers; a Service shows the same fields."""

    url: str = ""
    domain: str = ""
    """Host of ``url``, as 2019 clients read it."""
    domain_internal: str = ""
    address: Addressable | None = None
    traffic: list[TrafficTarget] = Field(default_factory=list)


class RouteStatus(RouteStatusFields, CertifiedStatus):
    """What became of the routing table."""

    @property
    def _manager(self) -> ConditionManager:
        return ROUTE_CONDITIONS.manage(self)

    def mark_traffic_assigned(self) -> None:
        """Every target is ready to be routed to."""
        self._manager.mark_true(ALL_TRAFFIC_ASSIGNED)

    def mark_bad_target(self, reason: str, message: str, *, failed: bool) -> None:
        """A target cannot be routed to: for good, or not yet."""
        if failed:
            self._manager.mark_false(ALL_TRAFFIC_ASSIGNED, reason, message)
        else:
            self._manager.mark_unknown(ALL_TRAFFIC_ASSIGNED, reason, message)

    def mark_service_not_owned(self, name: str) -> None:
        """Somebody else's Service has the name of our placeholder."""
        self._manager.mark_false(
            INGRESS_READY,
            RouteReason.NOT_OWNED,
            f'There is an existing placeholder Service "{name}" that we do not own.',
        )

    def mark_ingress_failed(self, reason: str, message: str) -> None:
        """The API refused our Ingress, or a Service beside it."""
        self._manager.mark_false(INGRESS_READY, reason, message)

    def mark_ingress_not_configured(self) -> None:
        """The gateway has not looked at the newest Ingress."""
        self._manager.mark_unknown(
            INGRESS_READY,
            RouteReason.INGRESS_NOT_CONFIGURED,
            "Ingress has not yet been reconciled.",
        )

    def mark_rollout_in_progress(self) -> None:
        """A new Revision is being given its share step by step."""
        self._manager.mark_unknown(
            INGRESS_READY,
            RouteReason.ROLLOUT_IN_PROGRESS,
            "A gradual rollout of the latest revision(s) is in progress.",
        )

    def propagate_ingress(self, ready: Condition | None) -> None:
        """Copy whether the gateway serves the routes."""
        if ready is None:
            self.mark_ingress_not_configured()
        else:
            self._manager.copy_from(INGRESS_READY, ready)
