"""Keep a Revision's Deployment, PodAutoscaler and Images, and say how it is doing."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import NamespacedName, is_controlled_by
from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.caching import Image
from wakeful.apis.core import Container, Pod, Secret, ServiceAccount
from wakeful.apis.serving import ContainerImage, Revision, register
from wakeful.apis.serving.config import ObservabilityConfig
from wakeful.apis.serving.revision_lifecycle import CONTAINER_HEALTHY
from wakeful.client import Client, Informer, Lister
from wakeful.controller import EventRecorder, Result, telling
from wakeful.oci import Keychain
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.indices import BY_REVISION_UID
from wakeful.reconciler.serving.revision.digests import DigestQueue, ResolveRequest
from wakeful.reconciler.serving.revision.pods import has_trouble, is_late, report_trouble
from wakeful.reconciler.serving.revision.resources import (
    RevisionConfig,
    deployment_name,
    image_name,
    make_deployment,
    make_image,
    make_pod_autoscaler,
    merge_deployment,
    sync_autoscaling,
)


class RevisionListers:
    """The caches a Revision's reconciler reads."""

    def __init__(
        self,
        deployments: Lister[Deployment],
        autoscalers: Lister[PodAutoscaler],
        images: Lister[Image],
        pods: Informer[Pod],
    ) -> None:
        self.deployments, self.autoscalers = deployments, autoscalers
        self.images, self.pods = images, pods


class RevisionReconciler:
    """Turns Revisions into workloads."""

    def __init__(
        self,
        client: Client,
        listers: RevisionListers,
        digests: DigestQueue,
        config: Current[RevisionConfig],
        observability: Current[ObservabilityConfig],
        recorder: EventRecorder,
    ) -> None:
        self._client, self._listers, self._digests = client, listers, digests
        self._config, self._observability = config, observability
        self._recorder = recorder
        self._children = Children(client, recorder)

    async def reconcile_kind(self, revision: Revision) -> Result | None:
        """Digests first, then the workload, its images and its autoscaler."""
        was_ready = revision.is_ready
        uid = revision.metadata.uid
        revision.status.log_url = self._observability.current().log_url(uid)
        wait = await self._reconcile_digests(revision)
        if wait is not None:
            return wait
        deployment = await self._reconcile_deployment(revision)
        await self._reconcile_images(revision)
        await self._reconcile_autoscaler(revision, deployment)
        ready = revision.status.condition(READY)
        if ready is not None and ready.is_true and not was_ready:
            message = "Revision becomes ready upon all resources being ready"
            self._recorder.normal(revision, "RevisionReady", message)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody will ask for its digests any more."""
        self._digests.forget(key)

    async def _reconcile_digests(self, revision: Revision) -> Result | None:
        spec, status = revision.spec, revision.status
        wanted = len(spec.containers) + len(spec.init_containers)
        if len(status.container_statuses) + len(status.init_container_statuses) == wanted:
            self._digests.forget(revision.key)
            return None
        answer = await self._digests.resolve(await self._request(revision))
        if answer is None:
            status.mark_resolving_digests()
            return Result()
        if answer.error:
            before = status.condition(CONTAINER_HEALTHY)
            status.mark_container_missing(answer.error)
            if status.condition(CONTAINER_HEALTHY) != before:
                self._recorder.warning(revision, "InternalError", answer.error)
            return Result(requeue_after=self._digests.retry_after(answer))
        status.container_statuses = _pinned(spec.containers, answer.digests)
        status.init_container_statuses = _pinned(spec.init_containers, answer.digests)
        return None

    async def _request(self, revision: Revision) -> ResolveRequest:
        spec, deployment = revision.spec, self._config.current().deployment
        return ResolveRequest(
            revision.key,
            revision.metadata.uid,
            tuple(c.image for c in (*spec.init_containers, *spec.containers)),
            await self._keychain(revision),
            deployment.registries_skipping_tag_resolving,
            deployment.digest_resolution_timeout_seconds,
        )

    async def _keychain(self, revision: Revision) -> Keychain:
        """Credentials of the Revision's pull secrets, then of its service account's."""
        namespace = revision.metadata.namespace
        names = [ref.name for ref in revision.spec.image_pull_secrets]
        account = await self._client.find(
            ServiceAccount, revision.spec.service_account_name or "default", namespace
        )
        names += [ref.name for ref in account.image_pull_secrets] if account is not None else []
        keychains: list[Keychain] = []
        for name in dict.fromkeys(names):
            secret = await self._client.find(Secret, name, namespace)
            if secret is not None:
                data = {key: base64.b64decode(value) for key, value in secret.data.items()}
                keychains.append(Keychain.from_secret(secret.type, data))
        return Keychain.merge(keychains)

    async def _reconcile_deployment(self, revision: Revision) -> Deployment:
        name, namespace = deployment_name(revision), revision.metadata.namespace
        want = make_deployment(revision, self._config.current())
        have = self._listers.deployments.get(name, namespace)
        if have is None:
            revision.status.mark_deploying()
            mark = revision.status.mark_resources_unavailable
            have = await self._children.create(revision, want, mark=mark)
        if not is_controlled_by(have, revision):
            revision.status.mark_not_owned("Deployment", name)
            raise TerminalError(f"{revision} does not own {have}")
        label = register.DEPLOYMENT_HASH
        if have.metadata.labels.get(label) != want.metadata.labels[label]:
            with telling(revision.status.mark_resources_unavailable, f'Deployment "{name}"'):
                have = await self._client.update(merge_deployment(want, have))
        self._report_deployment(revision, have)
        return have

    def _report_deployment(self, revision: Revision, deployment: Deployment) -> None:
        status = revision.status
        status.propagate_deployment(deployment.status.conditions)
        if (deployment.spec.replicas or 0) > 0 and deployment.status.available_replicas == 0:
            pods = self._listers.pods.by_index(BY_REVISION_UID, revision.metadata.uid)
            troubled = next((pod for pod in pods if pod.is_active and has_trouble(pod)), None)
            if troubled is not None:
                config = self._config.current().deployment
                report_trouble(
                    status,
                    troubled,
                    late=is_late(deployment),
                    always_schedulable=config.pod_is_always_schedulable,
                )
        if deployment.status.ready_replicas > 0:
            status.mark_container_healthy()

    async def _reconcile_images(self, revision: Revision) -> None:
        status, namespace = revision.status, revision.metadata.namespace
        for pinned in (*status.container_statuses, *status.init_container_statuses):
            if self._listers.images.get(image_name(revision, pinned.name), namespace) is None:
                want = make_image(revision, pinned.name, pinned.image_digest)
                mark = status.mark_resources_unavailable
                with telling(mark, f'Image "{want.metadata.name}"'):
                    await self._client.create_or_get(want)

    async def _reconcile_autoscaler(self, revision: Revision, deployment: Deployment) -> None:
        meta = revision.metadata
        have = self._listers.autoscalers.get(meta.name, meta.namespace)
        if have is None:
            want = make_pod_autoscaler(revision, deployment, self._config.current().autoscaler)
            mark = revision.status.mark_resources_unavailable
            have = await self._children.create(revision, want, mark=mark)
        if not is_controlled_by(have, revision):
            revision.status.mark_not_owned("PodAutoscaler", meta.name)
            raise TerminalError(f"{revision} does not own {have}")
        revision.status.service_name = meta.name
        revision.status.propagate_autoscaler(have.status)
        want = make_pod_autoscaler(revision, deployment, self._config.current().autoscaler)
        changed = sync_autoscaling(want, have)
        if changed is not None:
            await self._client.update(changed)


def _pinned(containers: Sequence[Container], digests: dict[str, str]) -> list[ContainerImage]:
    return [
        ContainerImage(name=container.name, image_digest=digests.get(container.image, ""))
        for container in containers
    ]
