"""Where others take part in a write: hooks between decoding and validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import UserInfo
from wakeful.apimachinery.scheme import AdmissionContext, Resource


class ObjectReader(Protocol):
    """Read access to everything stored, in the stored version."""

    def get(self, group: str, plural: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """One object, the caller's to change; None when there is none."""
        ...

    def list(self, group: str, plural: str, namespace: str = "") -> Iterator[dict[str, Any]]:
        """Objects of a namespace (empty: of all)."""
        ...


@dataclass(slots=True)
class AdmissionRequest:
    """One write, seen by a hook.

    On CREATE ``old`` is None, on DELETE ``obj`` is None. ``obj`` is the new state in the stored
    version, to be changed in place; it has no defaults yet.
    """

    resource: Resource
    obj: Object | None
    old: Object | None
    namespace: str
    name: str
    user: UserInfo
    context: AdmissionContext
    reader: ObjectReader


AdmissionHook = Callable[[AdmissionRequest], None]
"""Changes ``obj`` or refuses by raising an ``APIStatusError``.

Hooks run in order, before defaulting and validation, for writes to main resources (not to
subresources), also for dry runs: a hook must not write anything itself.
"""
