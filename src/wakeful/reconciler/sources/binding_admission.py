"""Binding subjects as they are written, so that their first pods know what they are to know."""

from __future__ import annotations

from typing import TypeVar

from wakeful.apimachinery.meta import Object
from wakeful.apis.core.container_types import Container
from wakeful.apis.core.pod_types import PodSpec
from wakeful.apis.serving import RevisionSpec
from wakeful.apis.sources import GitHubBinding, SinkBinding
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.client import Informer
from wakeful.reconciler.sources.githubbinding.injection import bind_spec
from wakeful.reconciler.sources.sinkbinding.injection import (
    bind_containers,
    environment_of_binding,
)
from wakeful.reconciler.sources.subjects import EXCLUDE, binds

B = TypeVar("B", SinkBinding, GitHubBinding)


class BindingAdmission:
    """An admission hook; it knows no bindings until it is given where they are.

    Until those were read for the first time, it asks the store: the API answers before that.
    """

    def __init__(self) -> None:
        self.sink_bindings: Informer[SinkBinding] | None = None
        self.github_bindings: Informer[GitHubBinding] | None = None

    def __call__(self, request: AdmissionRequest) -> None:
        """Put what bindings say into the pod template of a subject."""
        obj = request.obj
        if obj is None or obj.is_deleting or (pod := _pod_of(obj)) is None:
            return
        sinks, tokens = self._find_sinks(request, obj), self._find_tokens(request, obj)
        if not (sinks or tokens) or _is_excluded(request):
            return
        for sink in sinks:
            environment = environment_of_binding(sink)
            if environment is not None:
                bind_containers(_containers(pod), environment)
        for binding in tokens:
            token = binding.spec.access_token.secret_key_ref
            if token is not None:
                bind_spec(pod, token)

    def _find_sinks(self, request: AdmissionRequest, obj: Object) -> list[SinkBinding]:
        known = _list(self.sink_bindings, "sinkbindings", request)
        return [b for b in known if not b.is_deleting and _means(b, request, obj)]

    def _find_tokens(self, request: AdmissionRequest, obj: Object) -> list[GitHubBinding]:
        known = _list(self.github_bindings, "githubbindings", request)
        return [b for b in known if not b.is_deleting and _means(b, request, obj)]


def _list(known: Informer[B] | None, plural: str, request: AdmissionRequest) -> list[B]:
    if known is None:
        return []
    if known.synced.is_set():
        return known.list(request.namespace)
    stored = request.reader.list(known.model.gvk.group, plural, request.namespace)
    return [known.model.from_wire(wire) for wire in stored]


def _means(binding: SinkBinding | GitHubBinding, request: AdmissionRequest, obj: Object) -> bool:
    return binds(binding.spec.subject, request.namespace, obj)


def _is_excluded(request: AdmissionRequest) -> bool:
    namespace = request.reader.get("", "namespaces", request.namespace) or {}
    labels = namespace.get("metadata", {}).get("labels") or {}
    return labels.get(EXCLUDE) == "true"


def _pod_of(obj: Object) -> PodSpec | RevisionSpec | None:
    """The spec of an object's pod template; None when it has no template."""
    template = getattr(getattr(obj, "spec", None), "template", None)
    pod = getattr(template, "spec", None)
    return pod if isinstance(pod, PodSpec | RevisionSpec) else None


def _containers(pod: PodSpec | RevisionSpec) -> list[Container]:
    return [*pod.init_containers, *pod.containers]
