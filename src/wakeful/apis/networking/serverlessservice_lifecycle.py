"""How a ServerlessService's status comes to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from wakeful.apimachinery.conditions import (
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
    utc_now,
)

ENDPOINTS_POPULATED = "EndpointsPopulated"
"""Requests for the revision are answered, by instances or by the gate on their behalf."""
ACTIVATOR_ENDPOINTS_POPULATED = "ActivatorEndpointsPopulated"
"""The gate is in the path; its last change tells since when."""

SERVERLESS_SERVICE_CONDITIONS = ConditionSet.living(ENDPOINTS_POPULATED)

_BACKED = "Revision is backed by Activator"


class ServerlessServiceStatus(ConditionedStatus):
    """The two Services of a revision and what is behind them."""

    service_name: str = ""
    """Serves the revision, wherever its requests go."""
    private_service_name: str = ""
    """Leads to the instances alone."""

    def manage(self, now: Callable[[], datetime] = utc_now) -> ConditionManager:
        """The conditions, to be set."""
        return SERVERLESS_SERVICE_CONDITIONS.manage(self, now)

    def mark_endpoints_ready(self) -> None:
        """Requests are answered."""
        self.manage().mark_true(ENDPOINTS_POPULATED)

    def mark_endpoints_not_ready(self, reason: str) -> None:
        """Nobody is there yet, or a Service is being made."""
        self.manage().mark_unknown(ENDPOINTS_POPULATED, reason, "K8s Service is not ready")

    def mark_endpoints_failed(self, reason: str, message: str) -> None:
        """The API refused a Service that is needed."""
        self.manage().mark_false(ENDPOINTS_POPULATED, reason, message)

    def mark_endpoints_not_owned(self, kind: str, name: str) -> None:
        """A Service that is needed belongs to somebody else."""
        self.manage().mark_false(
            ENDPOINTS_POPULATED, "NotOwned", f"Resource {name} of type {kind} is not owned by SKS"
        )

    def mark_activator_endpoints_populated(self) -> None:
        """The gate is in the path."""
        self.manage().mark_true(
            ACTIVATOR_ENDPOINTS_POPULATED, ACTIVATOR_ENDPOINTS_POPULATED, _BACKED
        )

    def mark_activator_endpoints_removed(self) -> None:
        """Requests go to instances without passing the gate."""
        self.manage().mark_false(
            ACTIVATOR_ENDPOINTS_POPULATED, ACTIVATOR_ENDPOINTS_POPULATED, _BACKED
        )
