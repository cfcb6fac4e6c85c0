"""Namespaces: content needs one that is alive, and some are never deleted."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.errors import ForbiddenError, NotFoundError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Resource
from wakeful.apiserver.admission import AdmissionRequest, ObjectReader

NAMESPACES = ("", "namespaces")
FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"
PROTECTED = frozenset({"default", "kube-system", "kube-public"})


def require_active_namespace(reader: ObjectReader, resource: Resource, meta: ObjectMeta) -> None:
    """Refuse new content where it cannot live.

    Raises:
        NotFoundError: There is no such namespace.
        ForbiddenError: It is being deleted.
    """
    if not resource.namespaced:
        return
    namespace = reader.get(*NAMESPACES, meta.namespace)
    if namespace is None:
        raise NotFoundError.of("namespaces", "", meta.namespace)
    if "deletionTimestamp" in namespace["metadata"]:
        raise ForbiddenError(
            f'{resource.plural} "{meta.name}" is forbidden: unable to create new content in'
            f" namespace {meta.namespace} because it is being terminated",
            details={
                "name": meta.name,
                "kind": resource.plural,
                **({"group": resource.group} if resource.group else {}),
                "causes": [
                    {
                        "reason": "NamespaceTerminating",
                        "message": f"namespace {meta.namespace} is being terminated",
                        "field": "metadata.namespace",
                    }
                ],
            },
        )


def prepare_namespace(request: AdmissionRequest) -> None:
    """Give a namespace the label it can be selected by, and on creation its finalizer."""
    if request.resource.group_resource != NAMESPACES or request.obj is None:
        return
    namespace: Any = request.obj
    namespace.metadata.labels[NAME_LABEL] = namespace.metadata.name
    if request.old is None:
        namespace.spec.finalizers = [FINALIZER]
        namespace.status.phase = "Active"
    else:  # only /finalize changes them
        old: Any = request.old
        namespace.spec.finalizers = list(old.spec.finalizers)


def refuse_protected(name: str) -> None:
    """Refuse the deletion of namespaces the platform cannot do without.

    Raises:
        ForbiddenError: It is one of them.
    """
    if name in PROTECTED:
        raise ForbiddenError(
            f'namespaces "{name}" is forbidden: this namespace may not be deleted',
            details={"name": name, "kind": "namespaces"},
        )


def mark_terminating(wire: dict[str, Any]) -> None:
    """Show in the status that deletion has begun."""
    wire["status"] = {**(wire.get("status") or {}), "phase": "Terminating"}
