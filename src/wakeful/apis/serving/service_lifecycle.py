"""How a Service's status follows its Configuration and its Route."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY, ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apis.serving.configuration_lifecycle import ConfigurationStatus, LatestRevisions
from wakeful.apis.serving.route_lifecycle import RouteStatus, RouteStatusFields

CONFIGURATIONS_READY = "ConfigurationsReady"
ROUTES_READY = "RoutesReady"

SERVICE_CONDITIONS = ConditionSet.living(CONFIGURATIONS_READY, ROUTES_READY)


class ServiceStatus(RouteStatusFields, LatestRevisions, ConditionedStatus):
    """The statuses of both children in one."""

    @property
    def _manager(self) -> ConditionManager:
        return SERVICE_CONDITIONS.manage(self)

    def mark_configuration_not_owned(self, name: str) -> None:
        """Somebody else's Configuration has our name."""
        self._manager.mark_false(
            CONFIGURATIONS_READY,
            "NotOwned",
            f'There is an existing Configuration "{name}" that we do not own.',
        )

    def mark_route_not_owned(self, name: str) -> None:
        """Somebody else's Route has our name."""
        self._manager.mark_false(
            ROUTES_READY, "NotOwned", f'There is an existing Route "{name}" that we do not own.'
        )

    def mark_configuration_failed(self, reason: str, message: str) -> None:
        """The API refused our Configuration."""
        self._manager.mark_false(CONFIGURATIONS_READY, reason, message)

    def mark_route_failed(self, reason: str, message: str) -> None:
        """The API refused our Route."""
        self._manager.mark_false(ROUTES_READY, reason, message)

    def mark_configuration_not_reconciled(self) -> None:
        """The Configuration has not looked at its newest generation."""
        self._manager.mark_unknown(
            CONFIGURATIONS_READY,
            "OutOfDate",
            "The Configuration is still working to reflect the latest desired specification.",
        )

    def mark_route_not_reconciled(self) -> None:
        """The Route has not looked at its newest generation."""
        self._manager.mark_unknown(
            ROUTES_READY,
            "OutOfDate",
            "The Route is still working to reflect the latest desired specification.",
        )

    def mark_revision_name_taken(self, name: str) -> None:
        """The template's name belongs to a different Revision."""
        self._manager.mark_false(
            ROUTES_READY,
            "RevisionNameTaken",
            f'The revision name "{name}" is taken by a conflicting Revision,'
            " so traffic will not be migrated",
        )

    def mark_traffic_not_migrated(self) -> None:
        """The Route is fine, but still sends traffic where the old spec said."""
        self._manager.mark_unknown(
            ROUTES_READY,
            "TrafficNotMigrated",
            "Traffic is not yet migrated to the latest revision.",
        )

    def propagate_configuration(self, status: ConfigurationStatus) -> None:
        """Copy the newest Revisions and whether they are ready."""
        self.latest_ready_revision_name = status.latest_ready_revision_name
        self.latest_created_revision_name = status.latest_created_revision_name
        self._manager.copy_from(CONFIGURATIONS_READY, status.condition(READY))

    def propagate_route(self, status: RouteStatus) -> None:
        """Copy where it is reached and whether that works."""
        for field in RouteStatusFields.model_fields:
            setattr(self, field, getattr(status, field))
        self._manager.copy_from(ROUTES_READY, status.condition(READY))
