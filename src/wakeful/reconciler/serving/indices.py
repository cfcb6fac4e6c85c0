"""How Serving's reconcilers find objects of one owner without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import Object
from wakeful.apis.core import Pod
from wakeful.apis.core import Service as KubeService
from wakeful.apis.serving import Revision, register
from wakeful.controller import Manager

BY_CONFIGURATION = "serving/configuration"
BY_REVISION_UID = "serving/revision-uid"
BY_ROUTE = "serving/route"


def add_indices(manager: Manager) -> None:
    """Keep Revisions, pods and placeholder Services findable by whom they belong to."""
    manager.informer(Revision).add_index(BY_CONFIGURATION, _by_configuration)
    manager.informer(Pod).add_index(BY_REVISION_UID, _by_revision_uid)
    manager.informer(KubeService).add_index(BY_ROUTE, _by_route)


def _by_configuration(obj: Object) -> Iterable[str]:
    return _namespaced(obj, register.CONFIGURATION)


def _by_route(obj: Object) -> Iterable[str]:
    return _namespaced(obj, register.ROUTE)


def _by_revision_uid(obj: Object) -> Iterable[str]:
    uid = obj.metadata.labels.get(register.REVISION_UID)
    return (uid,) if uid else ()


def _namespaced(obj: Object, label: str) -> Iterable[str]:
    name = obj.metadata.labels.get(label)
    return (f"{obj.metadata.namespace}/{name}",) if name else ()
