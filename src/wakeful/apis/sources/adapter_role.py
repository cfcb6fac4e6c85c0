"""The part that adapters play for the reconcilers of sources; ``cmd`` connects the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wakeful.apimachinery.meta import NamespacedName, Object


@dataclass(frozen=True, slots=True)
class SourceKey:
    """Names one source among all kinds."""

    group: str
    kind: str
    key: NamespacedName

    @classmethod
    def of(cls, source: Object) -> SourceKey:
        """The key of an object."""
        return cls(source.gvk.group, source.gvk.kind, source.key)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True)
class AdapterState:
    """How the adapter of one source is doing; ``fault`` is what it is in trouble with."""

    running: bool
    fault: str = ""


class Adapters(Protocol):
    """Whoever runs the adapters."""

    def state(self, source: Object) -> AdapterState | None:
        """The adapter of this very generation; None while there is none."""
        ...

    def on_change(self, listener: Callable[[SourceKey], None]) -> None:
        """Call ``listener`` when the state of a source's adapter changed."""
        ...
