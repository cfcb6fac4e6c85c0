"""Telling subjects of their sink as they are written, so that their first pods know it."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apis.core.container_types import Container
from wakeful.apis.sources import SinkBinding
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.client import Lister
from wakeful.reconciler.sources.sinkbinding.injection import (
    EXCLUDE,
    bind_containers,
    binds,
    environment_of_binding,
)


class SinkBindingAdmission:
    """An admission hook; it knows no bindings until it is given where they are."""

    def __init__(self) -> None:
        self.bindings: Lister[SinkBinding] | None = None

    def __call__(self, request: AdmissionRequest) -> None:
        """Put the variables into the containers of a subject."""
        obj = request.obj
        if self.bindings is None or obj is None or obj.is_deleting:
            return
        containers = _containers(obj)
        if not containers:
            return
        for binding in self.bindings.list(request.namespace):
            environment = environment_of_binding(binding)
            if environment is None or binding.is_deleting or not binds(binding, obj):
                continue
            if not _is_excluded(request):
                bind_containers(containers, environment)


def _is_excluded(request: AdmissionRequest) -> bool:
    namespace = request.reader.get("", "namespaces", request.namespace) or {}
    labels = namespace.get("metadata", {}).get("labels") or {}
    return labels.get(EXCLUDE) == "true"


def _containers(obj: Object) -> list[Container]:
    """The containers of an object's pod template; none when it has no template."""
    template = getattr(getattr(obj, "spec", None), "template", None)
    pod = getattr(template, "spec", None)
    found = [
        *(getattr(pod, "init_containers", None) or ()),
        *(getattr(pod, "containers", None) or ()),
    ]
    return [container for container in found if isinstance(container, Container)]
