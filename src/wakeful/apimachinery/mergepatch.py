"""JSON Merge Patch (RFC 7386)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import deep_copy_json


def apply_merge_patch(patch: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``document`` with ``patch`` merged in; null removes a member.

    Raises:
        BadRequestError: ``patch`` is not an object.
    """
    if not isinstance(patch, Mapping):
        raise BadRequestError("error decoding patch: a merge patch is an object")
    return _merge(patch, document)


def _merge(patch: Mapping[str, Any], target: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if isinstance(target, Mapping):
        for name, value in target.items():
            if name not in patch:
                result[name] = deep_copy_json(value)
            elif patch[name] is not None:
                result[name] = _member(patch[name], value)
    for name, value in patch.items():
        if value is not None and name not in result:
            result[name] = _member(value, None)
    return result


def _member(patch: Any, target: Any) -> Any:
    return _merge(patch, target) if isinstance(patch, Mapping) else deep_copy_json(patch)
