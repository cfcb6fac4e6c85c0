"""Keeps the subjects of SinkBindings told, and has them forget when a binding goes."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.sources import SinkBinding
from wakeful.controller import Result
from wakeful.reconciler.sources.parts import SourceParts
from wakeful.reconciler.sources.sinkbinding.injection import bind_template, environment_of_binding
from wakeful.reconciler.sources.subjects import (
    LOOK_AGAIN_SECONDS,
    SubjectError,
    Subjects,
    is_followed,
)


class SinkBindingReconciler:
    """Resolves the sink and puts it into the subjects."""

    finalizer = "sinkbindings.sources.knative.dev"

    def __init__(self, parts: SourceParts, subjects: Subjects) -> None:
        self._parts, self._subjects = parts, subjects

    async def reconcile_kind(self, binding: SinkBinding) -> Result | None:
        """Resolve the sink and tell the subjects."""
        status, subject = binding.status, binding.spec.subject
        status.mark_no_identity()
        if not await self._parts.sinks.provide(binding, binding.spec.sink, status):
            return None
        environment, namespace = environment_of_binding(binding), binding.metadata.namespace
        try:
            if environment is not None and not self._subjects.is_excluded(namespace):
                await self._subjects.change(
                    subject, namespace, lambda obj: bind_template(obj, environment)
                )
        except SubjectError as err:
            status.mark_unavailable(err.reason, str(err))
            return Result(requeue_after=LOOK_AGAIN_SECONDS)
        status.mark_available()
        return None if is_followed(subject) else Result(requeue_after=LOOK_AGAIN_SECONDS)

    async def finalize_kind(self, binding: SinkBinding) -> Result | None:
        """Have the subjects forget."""
        subject, namespace = binding.spec.subject, binding.metadata.namespace
        try:
            await self._subjects.change(subject, namespace, lambda obj: bind_template(obj, {}))
        except SubjectError:
            return None  # there is nothing to undo, or it cannot be undone any more
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)
