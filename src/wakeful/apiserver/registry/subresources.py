"""What is offered below objects, and in which kind it speaks."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.request import Verb
from wakeful.apimachinery.scheme import Resource

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")
EVICTION = GroupVersionKind("policy", "v1", "Eviction")
TOKEN_REQUEST = GroupVersionKind("authentication.k8s.io", "v1", "TokenRequest")

_READ_WRITE = (Verb.GET, Verb.PATCH, Verb.UPDATE)
_CONNECT = (Verb.CREATE, Verb.GET)


@dataclass(frozen=True, slots=True)
class Subresource:
    """One door below an object; ``gvk`` None speaks the parent's kind."""

    name: str
    verbs: tuple[Verb, ...] = _READ_WRITE
    gvk: GroupVersionKind | None = None
    kind: str = ""
    """A kind of the parent's group that only discovery names."""
    stream: bool = False
    """Answered by a handler of its own instead of by an object."""


_STATUS = Subresource("status")
_SCALE = Subresource("scale", gvk=SCALE)
_BELOW: dict[tuple[str, str], tuple[Subresource, ...]] = {
    ("", "namespaces"): (Subresource("finalize", (Verb.UPDATE,)),),
    ("", "pods"): (
        Subresource("attach", _CONNECT, kind="PodAttachOptions", stream=True),
        Subresource("eviction", (Verb.CREATE,), EVICTION),
        Subresource("exec", _CONNECT, kind="PodExecOptions", stream=True),
        Subresource("log", (Verb.GET,), stream=True),
        Subresource("portforward", _CONNECT, kind="PodPortForwardOptions", stream=True),
        Subresource(
            "proxy",
            (Verb.CREATE, Verb.DELETE, Verb.GET, Verb.PATCH, Verb.UPDATE),
            kind="PodProxyOptions",
            stream=True,
        ),
    ),
    ("", "services"): (
        Subresource(
            "proxy",
            (Verb.CREATE, Verb.DELETE, Verb.GET, Verb.PATCH, Verb.UPDATE),
            kind="ServiceProxyOptions",
            stream=True,
        ),
    ),
    ("", "serviceaccounts"): (Subresource("token", (Verb.CREATE,), TOKEN_REQUEST),),
}


def subresources_of(resource: Resource) -> dict[str, Subresource]:
    """Everything a resource offers below its objects, by name."""
    offered = list(_BELOW.get(resource.group_resource, ()))
    if resource.scale is not None:
        offered.append(_SCALE)
    if resource.has_status:
        offered.append(_STATUS)
    return {s.name: s for s in sorted(offered, key=lambda s: s.name)}
