"""Pods made from an owner's template: one more, one less, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import generate_name
from wakeful.apis.apps import ReplicaSet
from wakeful.apis.batch import Job
from wakeful.apis.core import Pod
from wakeful.client import Client
from wakeful.controller import EventRecorder
from wakeful.reconciler.apps.pendingpods import PendingPods

Owner = ReplicaSet | Job


def make_pod(owner: Owner) -> Pod:
    """One more pod, under a name nobody has."""
    template, prefix = owner.spec.template, f"{owner.metadata.name}-"
    return Pod(
        metadata=ObjectMeta(
            name=generate_name(prefix),
            generate_name=prefix,
            namespace=owner.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations=dict(template.metadata.annotations),
            finalizers=list(template.metadata.finalizers),
            owner_references=[owner_reference(owner)],
        ),
        spec=template.spec.deep_copy(),
    )


class OwnedPods:
    """Creates and deletes pods, and keeps what the cache does not show yet on the books."""

    def __init__(self, client: Client, pending: PendingPods, recorder: EventRecorder) -> None:
        self._client, self.pending, self._recorder = client, pending, recorder

    async def create(self, owner: Owner, count: int) -> None:
        """Make ``count`` more pods.

        Raises:
            APIStatusError: One was refused; those before it are there, those after it are not.
        """
        uid = owner.metadata.uid
        for _ in range(count):
            pod = make_pod(owner)
            name = pod.metadata.name
            self.pending.creating(uid, name)
            try:
                await self._client.create(pod)
            except BaseException as err:
                self.pending.not_created(uid, name)
                if isinstance(err, APIStatusError):
                    self._recorder.warning(owner, "FailedCreate", f"Error creating: {err}")
                raise
            self._recorder.normal(owner, "SuccessfulCreate", f"Created pod: {name}")

    async def delete(self, owner: Owner, pods: Iterable[Pod]) -> None:
        """Delete pods; one that is gone already is fine.

        Raises:
            APIStatusError: One could not be deleted; those after it are left.
        """
        uid = owner.metadata.uid
        for pod in pods:
            meta = pod.metadata
            self.pending.deleting(uid, meta.uid)
            try:
                await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid)
            except NotFoundError:
                continue  # as wished; its event is on the way
            except BaseException as err:
                self.pending.not_deleted(uid, meta.uid)
                if isinstance(err, APIStatusError):
                    self._recorder.warning(owner, "FailedDelete", f"Error deleting: {err}")
                raise
            self._recorder.normal(owner, "SuccessfulDelete", f"Deleted pod: {meta.name}")
