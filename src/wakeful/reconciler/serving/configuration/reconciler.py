"""Make a Revision of the newest template, and follow how the Revisions do."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError, ConflictError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.serving import Configuration, Revision, register
from wakeful.client import Client, Informer
from wakeful.controller import EventRecorder
from wakeful.reconciler.serving.configuration.resources import make_revision
from wakeful.reconciler.serving.configuration.revisions import (
    find_latest_created,
    find_latest_ready,
    is_name_taken,
)
from wakeful.reconciler.serving.indices import BY_CONFIGURATION


class ConfigurationReconciler:
    """Creates Revisions; never changes or deletes one."""

    def __init__(
        self, client: Client, revisions: Informer[Revision], recorder: EventRecorder, clock: Clock
    ) -> None:
        self._client, self._revisions = client, revisions
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, configuration: Configuration) -> None:
        """Have the Revision of this generation, then see which one is ready."""
        ours = list(self._revisions.by_index(BY_CONFIGURATION, str(configuration.key)))
        created = await self._latest_created(configuration, ours)
        if created is None:
            return
        configuration.status.set_latest_created(created.metadata.name)
        self._report(configuration, created)
        self._set_latest_ready(configuration, created, ours)

    async def _latest_created(
        self, configuration: Configuration, ours: list[Revision]
    ) -> Revision | None:
        name = configuration.spec.template.metadata.name
        if not name:
            found = find_latest_created(configuration, ours)
            return found or await self._create(configuration)
        found = self._revisions.get(name, configuration.metadata.namespace)
        if found is None:
            return await self._create(configuration)
        if is_name_taken(configuration, found):
            taken = AlreadyExistsError.of("revisions", register.GROUP, name)
            configuration.status.mark_revision_creation_failed(taken.message)
            return None
        return found

    async def _create(self, configuration: Configuration) -> Revision | None:
        want = make_revision(configuration, self._clock.now())
        try:
            created = await self._client.create(want)
        except AlreadyExistsError as err:
            return await self._adopt(configuration, want, err)
        except ConflictError:
            raise
        except APIStatusError as err:
            self._recorder.warning(
                configuration, "CreationFailed", f"Failed to create Revision: {err.message}"
            )
            configuration.status.mark_revision_creation_failed(err.message)
            raise
        self._recorder.normal(
            configuration, "Created", f'Created Revision "{created.metadata.name}"'
        )
        return created

    async def _adopt(
        self, configuration: Configuration, want: Revision, err: AlreadyExistsError
    ) -> Revision | None:
        """The cache was behind, or the name is somebody else's."""
        found = await self._client.get(Revision, want.metadata.name, want.metadata.namespace)
        if is_controlled_by(found, configuration) and not is_name_taken(configuration, found):
            return found
        configuration.status.mark_revision_creation_failed(err.message)
        return None

    def _report(self, configuration: Configuration, created: Revision) -> None:
        """Say how the newest Revision does; becoming ready is said by ``_set_latest_ready``."""
        ready = created.status.condition(READY)
        if ready is None or ready.is_unknown or not created.is_observed:
            return
        status, name = configuration.status, created.metadata.name
        if ready.is_true:
            if not status.latest_ready_revision_name:
                self._recorder.normal(
                    configuration, "ConfigurationReady", "Configuration becomes ready"
                )
            return
        before = status.condition(READY)
        status.mark_latest_created_failed(name, ready.message)
        if status.condition(READY) != before:
            if name == status.latest_ready_revision_name:
                message = f'Latest ready revision "{name}" has failed'
                self._recorder.warning(configuration, "LatestReadyFailed", message)
            else:
                message = f'Latest created revision "{name}" has failed'
                self._recorder.warning(configuration, "LatestCreatedFailed", message)

    def _set_latest_ready(
        self, configuration: Configuration, created: Revision, ours: list[Revision]
    ) -> None:
        status = configuration.status
        before = status.latest_ready_revision_name
        found = find_latest_ready(configuration, created, ours)
        if found is None:
            if before and all(r.metadata.name != before for r in ours) and ours:
                status.mark_latest_ready_deleted()
            return
        status.set_latest_ready(found.metadata.name)
        if found.metadata.name != before:
            message = f'LatestReadyRevisionName updated to "{found.metadata.name}"'
            self._recorder.normal(configuration, "LatestReadyUpdate", message)
