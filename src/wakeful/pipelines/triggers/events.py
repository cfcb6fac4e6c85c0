"""What arrived at a listener, and what interceptors say about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One request."""

    body: Any
    """The JSON."""
    raw: bytes = field(repr=False, default=b"")
    """The body as it was sent, which signatures are about."""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By canonical name: ``X-Github-Event``."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """What interceptors added."""
    event_id: str = ""
    url: str = ""

    def header(self, name: str) -> str:
        """The first value of a header; "" without it."""
        return next(iter(self.headers.get(canonical(name), ())), "")

    def extended(self, more: Mapping[str, Any]) -> Event:
        """The same request with further extensions."""
        return replace(self, extensions={**self.extensions, **more}) if more else self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an interceptor decided."""

    go_on: bool
    message: str = ""
    """Why not."""
    extensions: Mapping[str, Any] = field(default_factory=dict)


def canonical(name: str) -> str:
    """A header's name as Go writes it: ``x-github-event`` is ``X-Github-Event``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def collect_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Group headers by canonical name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        key = canonical(name)
        found[key] = (*found.get(key, ()), value)
    return found
