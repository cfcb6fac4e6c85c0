"""Where two pieces of wire data differ, as Knative's webhooks show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def short_diff(old: Any, new: Any, path: str = "") -> str:
    """Say where two pieces of wire data differ, one value a line; empty when they do not."""
    if old == new:
        return ""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return "".join(
            short_diff(old.get(key), new.get(key), f"{path}.{key}" if path else key) for key in keys
        )
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return "".join(short_diff(a, b, f"{path}[{i}]") for i, (a, b) in pairs)
    text = f"{path}:\n"
    text += "" if old is None else f'\t-: "{old}"\n'
    return text + ("" if new is None else f'\t+: "{new}"\n')
