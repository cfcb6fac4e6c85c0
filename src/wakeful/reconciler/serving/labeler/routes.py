"""The annotation that lists the Routes leading to an object."""

from __future__ import annotations

from collections.abc import Iterable


def split_routes(text: str) -> set[str]:
    """Read ``a,b``."""
    return {name for name in text.split(",") if name}


def join_routes(names: Iterable[str]) -> str:
    """Write ``a,b``, sorted."""
    return ",".join(sorted(names))
