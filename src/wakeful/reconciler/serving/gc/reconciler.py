"""Delete what the decision says."""

from __future__ import annotations

import structlog

from wakeful.aio import Clock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apis.serving import Configuration, Revision
from wakeful.apis.serving.config import GCConfig
from wakeful.client import Client, Informer
from wakeful.controller import Result
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.gc.decision import decide
from wakeful.reconciler.serving.indices import BY_CONFIGURATION

log = structlog.get_logger("wakeful.reconciler.serving.gc")


class GCReconciler:
    """Collects the Revisions of one Configuration at a time."""

    def __init__(
        self, client: Client, revisions: Informer[Revision], config: Current[GCConfig], clock: Clock
    ) -> None:
        self._client, self._revisions = client, revisions
        self._config, self._clock = config, clock

    async def reconcile_kind(self, configuration: Configuration) -> Result:
        """Delete what may go; look again when more might."""
        meta = configuration.metadata
        revisions = self._revisions.by_index(BY_CONFIGURATION, str(configuration.key))
        now = self._clock.now()
        decision = decide(configuration, revisions, self._config.current(), now)
        for revision in decision.delete:
            log.info("revision collected", revision=str(revision.key))
            try:
                await self._client.delete(
                    Revision,
                    revision.metadata.name,
                    meta.namespace,
                    uid=revision.metadata.uid,
                )
            except NotFoundError:
                continue
        return Result(requeue_after=decision.again_after)
