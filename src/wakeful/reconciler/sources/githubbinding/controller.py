"""Gives the subjects of GitHubBindings their token, and takes it back when a binding goes."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.sources import GitHubBinding, GitHubBindingStatus
from wakeful.controller import Controller, Manager, Result
from wakeful.reconciler.sources.githubbinding.injection import bind_template
from wakeful.reconciler.sources.subjects import (
    FOLLOWED,
    LOOK_AGAIN_SECONDS,
    SubjectError,
    Subjects,
    binds,
    is_followed,
)


class GitHubBindingReconciler:
    """Mounts the token."""

    finalizer = "githubbindings.bindings.knative.dev"

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects

    async def reconcile_kind(self, binding: GitHubBinding) -> Result | None:
        """Give the subjects the token."""
        subject, token = binding.spec.subject, binding.spec.access_token.secret_key_ref
        namespace = binding.metadata.namespace
        try:
            if token is not None and not self._subjects.is_excluded(namespace):
                await self._subjects.change(
                    subject, namespace, lambda obj: bind_template(obj, token)
                )
        except SubjectError as err:
            binding.status.mark_unavailable(err.reason, str(err))
            return Result(requeue_after=LOOK_AGAIN_SECONDS)
        binding.status.mark_available()
        return None if is_followed(subject) else Result(requeue_after=LOOK_AGAIN_SECONDS)

    async def finalize_kind(self, binding: GitHubBinding) -> Result | None:
        """Take it back."""
        subject, namespace = binding.spec.subject, binding.metadata.namespace
        try:
            await self._subjects.change(subject, namespace, lambda obj: bind_template(obj, None))
        except SubjectError:
            return None  # there is nothing to undo, or it cannot be undone any more
        return None


def make_githubbinding_controller(
    manager: Manager, subjects: Subjects
) -> Controller[GitHubBinding]:
    """Wire the controller to its informers."""
    bindings = manager.informer(GitHubBinding)
    controller = Controller(
        "githubbindings",
        manager.client,
        bindings,
        GitHubBindingReconciler(subjects),
        conditions=GitHubBindingStatus.condition_set,
        recorder=manager.recorder,
    )

    def bindings_of(obj: Object) -> Iterable[NamespacedName]:
        found = bindings.list(obj.metadata.namespace)
        return [b.key for b in found if binds(b.spec.subject, b.metadata.namespace, obj)]

    for model in FOLLOWED:
        controller.watch(manager.informer(model), bindings_of)
    return controller
