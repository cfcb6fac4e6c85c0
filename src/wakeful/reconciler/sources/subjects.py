"""The subjects of bindings: found, and changed as JSON, whatever kind they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import PatchType, Transport, Verb
from wakeful.apis.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from wakeful.apis.batch import Job
from wakeful.apis.core import Namespace
from wakeful.apis.serving import Configuration, Service
from wakeful.apis.sources import SubjectReference
from wakeful.client import Lister
from wakeful.controller.kinds import KindIndex, KindInfo

Wire = dict[str, Any]

EXCLUDE = "bindings.knative.dev/exclude"
"""Label of objects and namespaces that no binding may touch."""
LOOK_AGAIN_SECONDS = 15.0
"""For kinds of which nobody tells us that they changed."""
FOLLOWED: tuple[type[Object], ...] = (
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Job,
    Service,
    Configuration,
)
"""Kinds whose changes are heard of at once; any other kind is looked at from time to time."""
_FOLLOWED = frozenset((model.gvk.group, model.gvk.kind) for model in FOLLOWED)


class SubjectError(Exception):
    """Subjects cannot be read or written; ``reason`` is the condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def is_subject(
    subject: SubjectReference, group: str, kind: str, name: str, labels: Mapping[str, str]
) -> bool:
    """Whether an object of the binding's namespace is meant; its version does not matter."""
    if kind != subject.kind or group != subject.api_version.rpartition("/")[0]:
        return False
    if labels.get(EXCLUDE) == "true":
        return False
    if subject.selector is not None:
        return subject.selector.to_selector().matches(labels)
    return name == subject.name


def binds(subject: SubjectReference, namespace: str, obj: Object) -> bool:
    """Whether ``obj`` is a subject of a binding in ``namespace``."""
    meta, gvk = obj.metadata, obj.gvk
    return meta.namespace == namespace and is_subject(
        subject, gvk.group, gvk.kind, meta.name, meta.labels
    )


def is_followed(subject: SubjectReference) -> bool:
    """Whether changes of subjects are heard of."""
    return (subject.api_version.rpartition("/")[0], subject.kind) in _FOLLOWED


class Subjects:
    """Reads and patches subjects."""

    def __init__(
        self, transport: Transport, kinds: KindIndex, namespaces: Lister[Namespace]
    ) -> None:
        self._transport, self._kinds, self._namespaces = transport, kinds, namespaces

    def is_excluded(self, namespace: str) -> bool:
        """Whether bindings in a namespace may touch nothing."""
        found = self._namespaces.get(namespace)
        return found is not None and found.metadata.labels.get(EXCLUDE) == "true"

    async def change(
        self,
        subject: SubjectReference,
        namespace: str,
        make_patch: Callable[[Wire], Wire | None],
    ) -> None:
        """Patch every subject for which ``make_patch`` has a merge patch.

        Raises:
            SubjectError: One is missing, or cannot be changed.
        """
        info = self._kinds.find(subject.api_version, subject.kind)
        if info is None:
            message = f'no matches for kind "{subject.kind}" in version "{subject.api_version}"'
            raise SubjectError("SubjectUnavailable", message)
        for found in await self._read(info, subject, namespace):
            patch = make_patch(found)
            if patch is not None:
                await self._patch(info, found, patch)

    async def _read(
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
