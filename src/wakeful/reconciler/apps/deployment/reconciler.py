"""Rolls a Deployment's pods over to its present template and keeps their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wakeful.aio import Clock
from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.apps.deployment_types import PROGRESSING, RECREATE, REVISION
from wakeful.apis.core import Pod
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.apps.deployment import progress
from wakeful.reconciler.apps.deployment.resources import (
    annotations_of,
    find_new,
    make_replica_set,
    next_revision,
    revision,
    same_template,
    scale_annotations,
)
from wakeful.reconciler.apps.deployment.rollout import (
    Scales,
    initial_size,
    is_scaling,
    max_replicas,
    plan_recreation,
    plan_rolling,
    plan_scaling,
    size,
)
from wakeful.reconciler.apps.ownership import Children

PodsOf = Callable[[ReplicaSet], Sequence[Pod]]


class DeploymentReconciler:
    """Makes, scales and cleans up replica sets.

    A pass that changed the size of a replica set leaves the status alone: the set's event brings
    the next pass, and the pods do not wait for a status nobody needs yet.
    """

    def __init__(
        self,
        client: Client,
        sets: Children[ReplicaSet],
        pods_of: PodsOf,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client, self._sets, self._pods_of = client, sets, pods_of
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: Deployment) -> Result | None:
        """Take the next step of the rollout, then say how far it is."""
        if obj.spec.selector is None:
            return None
        mine = await self._sets.claim(obj, obj.spec.selector.to_selector())
        sets = [found for found in mine if not found.is_deleting]
        new = find_new(obj, sets)
        old = [found for found in sets if found is not new]
        self._note_pause(obj)
        if obj.spec.paused or is_scaling(obj, sets):
            moved = await self._scale(obj, plan_scaling(obj, new, old))
        else:
            new, moved = await self._roll(obj, new, old)
        if moved:
            return None
        wait = progress.update_status(obj, new, old, self._clock.now())
        if new is not None and progress.is_complete(obj):
            await self._clean_up(obj, old)
        return Result(requeue_after=wait)

    # --- rolling ----------------------------------------------------------------------------------

    async def _roll(
        self, obj: Deployment, new: ReplicaSet | None, old: list[ReplicaSet]
    ) -> tuple[ReplicaSet | None, bool]:
        recreating = obj.spec.strategy.type == RECREATE
        if recreating:
            if ended := plan_recreation(old):
                return new, await self._scale(obj, ended)
            if any(not pod.is_finished for found in old for pod in self._pods_of(found)):
                return new, False
        number = next_revision(new, old)
        if new is None:
            return await self._create(obj, number, initial_size(obj, old))
        if await self._annotate(obj, new, number):
            return new, True
        await self._publish_revision(obj, new.metadata.annotations.get(REVISION, ""))
        if recreating:
            wanted = obj.spec.replicas or 0
            return new, await self._scale(obj, [(new, wanted)] if size(new) != wanted else [])
        return new, await self._scale(obj, plan_rolling(obj, new, old))

    async def _create(
        self, obj: Deployment, number: int, replicas: int
    ) -> tuple[ReplicaSet | None, bool]:
        made = make_replica_set(obj, number, replicas, max_replicas(obj))
        name, now = made.metadata.name, self._clock.now()
        try:
            await self._client.create(made)
        except AlreadyExistsError:
            return await self._resolve_collision(obj, made)
        except APIStatusError as err:
            message = f'Failed to create new replica set "{name}": {err}'
            if progress.has_deadline(obj):
                progress.set_condition(
                    obj.status, PROGRESSING, "False", "ReplicaSetCreateError", message, now
                )
            self._recorder.warning(obj, "ReplicaSetCreateError", message)
            raise
        if replicas:
            message = f"Scaled up replica set {name} from 0 to {replicas}"
            self._recorder.normal(obj, "ScalingReplicaSet", message)
        await self._publish_revision(obj, str(number))
        if progress.has_deadline(obj):
            message = f'Created new replica set "{name}"'
            progress.set_condition(
                obj.status, PROGRESSING, "True", "NewReplicaSetCreated", message, now
            )
        return made, True

    async def _resolve_collision(
        self, obj: Deployment, made: ReplicaSet
    ) -> tuple[ReplicaSet | None, bool]:
        meta = made.metadata
        have = await self._client.get(ReplicaSet, meta.name, meta.namespace)
        if is_controlled_by(have, obj) and same_template(have.spec.template, made.spec.template):
            return have, False  # ours; the cache will show it soon
        obj.status.collision_count = (obj.status.collision_count or 0) + 1
        return None, False

    async def _annotate(self, obj: Deployment, new: ReplicaSet, number: int) -> bool:
        annotations = annotations_of(new, obj, number)
        same_wait = new.spec.min_ready_seconds == obj.spec.min_ready_seconds
        if annotations == new.metadata.annotations and same_wait:
            return False
        changed = _copy(new)
        changed.metadata.annotations = annotations
        changed.spec.min_ready_seconds = obj.spec.min_ready_seconds
        await self._client.update(changed)
        return True

    async def _publish_revision(self, obj: Deployment, number: str) -> None:
        if not number or obj.metadata.annotations.get(REVISION) == number:
            return
        patch = {"metadata": {"annotations": {REVISION: number}}}
        meta = obj.metadata
        patched = await self._client.patch(Deployment, meta.name, meta.namespace, patch)
        obj.metadata = patched.metadata

    # --- scaling ----------------------------------------------------------------------------------

    async def _scale(self, obj: Deployment, scales: Scales) -> bool:
        """Give replica sets their new sizes; says whether there was anything to do."""
        for found, replicas in scales:
            before = size(found)
            changed = _copy(found)
            changed.spec.replicas = replicas
            changed.metadata.annotations |= scale_annotations(
                obj.spec.replicas or 0, max_replicas(obj)
            )
            await self._client.update(changed)
            way = "up" if replicas > before else "down"
            message = f"Scaled {way} replica set {found.metadata.name} from {before} to {replicas}"
            self._recorder.normal(obj, "ScalingReplicaSet", message)
        return bool(scales)

    def _note_pause(self, obj: Deployment) -> None:
        if not progress.has_deadline(obj):
            return
        have = obj.status.condition(PROGRESSING)
        if have is not None and have.reason == progress.PROGRESS_DEADLINE_EXCEEDED:
            return
        was = have is not None and have.reason == progress.PAUSED
        now = self._clock.now()
        if obj.spec.paused and not was:
            message = "Deployment is paused"
            progress.set_condition(
                obj.status, PROGRESSING, "Unknown", progress.PAUSED, message, now
            )
        elif not obj.spec.paused and was:
            message = "Deployment is resumed"
            progress.set_condition(
                obj.status, PROGRESSING, "Unknown", progress.RESUMED, message, now
            )

    # --- history ----------------------------------------------------------------------------------

    async def _clean_up(self, obj: Deployment, old: Sequence[ReplicaSet]) -> None:
        limit = obj.spec.revision_history_limit
        if limit is None or len(old) <= limit:
            return
        ordered = sorted(old, key=lambda f: revision(f.metadata.annotations))
        for found in ordered[: len(old) - limit]:
            if size(found) or found.status.replicas or found.is_deleting:
                continue
            meta = found.metadata
            await self._client.delete(ReplicaSet, meta.name, meta.namespace, uid=meta.uid)


def _copy(found: ReplicaSet) -> ReplicaSet:
    """Copy the parts that change; the template stays shared."""
    return found.model_copy(
        update={
            "metadata": found.metadata.model_copy(
                update={"annotations": dict(found.metadata.annotations)}
            ),
            "spec": found.spec.model_copy(),
        }
    )
