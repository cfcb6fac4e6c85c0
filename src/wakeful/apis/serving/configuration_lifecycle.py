"""How a Configuration's status follows its Revisions."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY, ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.meta import APIModel

CONFIGURATION_CONDITIONS = ConditionSet.living()


class LatestRevisions(APIModel):
    """The newest Revisions by name; a Service shows the same fields."""

    latest_ready_revision_name: str = ""
    latest_created_revision_name: str = ""


class ConfigurationStatus(LatestRevisions, ConditionedStatus):
    """What became of the newest template."""

    @property
    def _manager(self) -> ConditionManager:
        return CONFIGURATION_CONDITIONS.manage(self)

    def set_latest_created(self, name: str) -> None:
        """Note the Revision of the newest template; until it is ready nothing is."""
        self.latest_created_revision_name = name
        if self.latest_ready_revision_name != name:
            self._manager.mark_unknown(READY, "", "")

    def set_latest_ready(self, name: str) -> None:
        """Note the newest Revision that is ready."""
        self.latest_ready_revision_name = name
        if name == self.latest_created_revision_name:
            self._manager.mark_true(READY)

    def mark_latest_created_failed(self, name: str, message: str) -> None:
        """The newest Revision did not come up."""
        self._manager.mark_false(
            READY, "RevisionFailed", f'Revision "{name}" failed with message: {message}.'
        )

    def mark_revision_creation_failed(self, message: str) -> None:
        """The API refused the Revision."""
        self._manager.mark_false(
            READY, "RevisionFailed", f"Revision creation failed with message: {message}."
        )

    def mark_latest_ready_deleted(self) -> None:
        """Somebody deleted the Revision that serves."""
        self._manager.mark_false(
            READY, "RevisionDeleted", f'Revision "{self.latest_ready_revision_name}" was deleted.'
        )
