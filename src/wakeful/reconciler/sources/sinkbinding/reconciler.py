"""Keeps the subjects of SinkBindings told, and has them forget when a binding goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apimachinery.request import PatchType, Transport, Verb
from wakeful.apis.core import Namespace
from wakeful.apis.sources import SinkBinding, SubjectReference
from wakeful.client import Lister
from wakeful.controller import Result
from wakeful.controller.kinds import KindIndex, KindInfo
from wakeful.reconciler.sources.parts import SourceParts
from wakeful.reconciler.sources.sinkbinding.injection import (
    EXCLUDE,
    bind_template,
    environment_of_binding,
    is_subject,
)

Wire = dict[str, Any]

_LOOK_AGAIN_SECONDS = 15.0
"""For kinds of which nobody tells us that they changed."""


class SubjectError(Exception):
    """Subjects cannot be read or written; ``reason`` is the condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SinkBindingReconciler:
    """Patches subjects; whatever kind they are, they are read and written as JSON."""

    finalizer = "sinkbindings.sources.knative.dev"

    def __init__(
        self,
        parts: SourceParts,
        transport: Transport,
        kinds: KindIndex,
        namespaces: Lister[Namespace],
        followed: frozenset[tuple[str, str]],
    ) -> None:
        self._parts, self._transport, self._kinds = parts, transport, kinds
        self._namespaces, self._followed = namespaces, followed

    async def reconcile_kind(self, binding: SinkBinding) -> Result | None:
        """Resolve the sink and tell the subjects."""
        status, subject = binding.status, binding.spec.subject
        status.mark_no_identity()
        if not await self._parts.sinks.provide(binding, binding.spec.sink, status):
            return None
        environment = environment_of_binding(binding)
        try:
            if environment is not None and not self._is_excluded(binding):
                await self._tell(binding, environment)
        except SubjectError as err:
            status.mark_unavailable(err.reason, str(err))
            return Result(requeue_after=_LOOK_AGAIN_SECONDS)
        status.mark_available()
        kind = (subject.api_version.rpartition("/")[0], subject.kind)
        return None if kind in self._followed else Result(requeue_after=_LOOK_AGAIN_SECONDS)

    async def finalize_kind(self, binding: SinkBinding) -> Result | None:
        """Have the subjects forget."""
        try:
            await self._tell(binding, {})
        except SubjectError:
            return None  # there is nothing to undo, or it cannot be undone any more
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)

    def _is_excluded(self, binding: SinkBinding) -> bool:
        namespace = self._namespaces.get(binding.metadata.namespace)
        return namespace is not None and namespace.metadata.labels.get(EXCLUDE) == "true"

    async def _tell(self, binding: SinkBinding, environment: Mapping[str, str]) -> None:
        subject, namespace = binding.spec.subject, binding.metadata.namespace
        info = self._kinds.find(subject.api_version, subject.kind)
        if info is None:
            message = f'no matches for kind "{subject.kind}" in version "{subject.api_version}"'
            raise SubjectError("SubjectUnavailable", message)
        for found in await self._subjects(info, subject, namespace):
            patch = bind_template(found, environment)
            if patch is not None:
                await self._patch(info, found, patch)

    async def _subjects(
        self, info: KindInfo, subject: SubjectReference, namespace: str
    ) -> Iterable[Wire]:
        try:
            if subject.selector is None:
                request = info.request(Verb.GET, namespace, subject.name)
                return [await self._transport.call(request)]
            listed = await self._transport.call(info.request(Verb.LIST, namespace))
        except NotFoundError as err:
            raise SubjectError("SubjectMissing", err.message) from err
        group = subject.api_version.rpartition("/")[0]
        return [
            found
            for found in listed.get("items") or ()
            if is_subject(
                subject,
                group,
                subject.kind,
                found["metadata"]["name"],
                found["metadata"].get("labels") or {},
            )
        ]

    async def _patch(self, info: KindInfo, found: Wire, patch: Wire) -> None:
        meta = found["metadata"]
        request = replace(
            info.request(Verb.PATCH, meta.get("namespace", ""), meta["name"]),
            body=patch | {"metadata": {"resourceVersion": meta["resourceVersion"]}},
            patch_type=PatchType.MERGE,
        )
        try:
            await self._transport.call(request)
        except (ConflictError, NotFoundError):
            raise  # read again
        except APIStatusError as err:
            message = f"failed binding subject {meta['name']}: {err.message}"
            raise SubjectError("SubjectUnavailable", message) from err
