"""Strategic merge patch: a merge patch that merges keyed lists item by item.

Directives (all that upstream knows): ``$patch: delete|replace``, ``$setElementOrder/<list>``,
``$deleteFromPrimitiveList/<list>`` and ``$retainKeys``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import deep_copy_json
from wakeful.apimachinery.shapes import PLAIN, Shape

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_REMOVE = "$deleteFromPrimitiveList/"

Items = list[Any]


def apply_strategic_patch(
    patch: Any, document: Mapping[str, Any], shape: Shape = PLAIN
) -> dict[str, Any]:
    """Return ``document`` with ``patch`` merged in by the rules of ``shape``.

    Raises:
        BadRequestError: The patch is not an object, or a directive in it makes no sense.
    """
    if not isinstance(patch, Mapping):
        raise BadRequestError("error decoding patch: a strategic merge patch is an object")
    return _merge_object(deep_copy_json(document), deep_copy_json(patch), shape, "")


def _merge_object(
    target: dict[str, Any], patch: dict[str, Any], shape: Shape, path: str
) -> dict[str, Any]:
    """Merge in place; both arguments are consumed."""
    if _DIRECTIVE in patch:
        directive = patch.pop(_DIRECTIVE)
        if directive == "replace":
            return patch
        if directive == "delete":
            return {}
        raise BadRequestError(_unknown_directive(directive, path))
    _retain_keys(target, patch, path)
    for name in [n for n in patch if n.startswith(_ORDER)]:
        _merge_ordered(target, patch, name, shape, path)
    for name, value in patch.items():
        if name.startswith(_REMOVE):
            field = name.removeprefix(_REMOVE)
            gone = _list(value, name, path)
            if field in target:
                target[field] = [v for v in _list(target[field], field, path) if v not in gone]
            continue
        child = shape.member(name) or PLAIN
        where = f"{path}.{name}" if path else name
        if value is None:
            target.pop(name, None)
        elif name not in target:
            value, keep = _without_directives(value)
            if keep:
                target[name] = value
        elif isinstance(value, dict) and isinstance(target[name], dict):
            target[name] = _merge_object(target[name], value, child, where)
        elif isinstance(value, list) and isinstance(target[name], list):
            target[name] = _merge_list(target[name], value, child, where)
        else:
            target[name] = value
    return target


def _retain_keys(target: dict[str, Any], patch: dict[str, Any], path: str) -> None:
    if _RETAIN not in patch:
        return
    kept = _list(patch.pop(_RETAIN), _RETAIN, path)
    for name in patch:
        if name not in kept and not name.startswith("$"):
            raise BadRequestError(
                f"{path}: {name!r} is in the patch but not in its $retainKeys {kept}"
            )
    for name in [n for n in target if n not in kept]:
        del target[name]


def _merge_list(target: Items, patch: Items, shape: Shape, path: str) -> Items:
    if shape.merged_set:
        merged = _unique([*target, *patch])
        return _in_order(merged, patch, target, _itself)
    if not shape.merge_key:
        return patch
    key = shape.merge_key
    target, patch = _apply_item_directives(target, patch, key, path)
    at = {_hashable(_key(item, key, path)): i for i, item in enumerate(target)}
    merged = list(target)
    for item in patch:
        value = _key(item, key, path)
        index = at.get(_hashable(value))
        if index is None:
            at[_hashable(value)] = len(merged)
            merged.append(_without_directives(item)[0])
        else:
            merged[index] = _merge_object(
                merged[index], item, shape.items or PLAIN, f"{path}[{value}]"
            )
    return _in_order(merged, patch, target, lambda item: item.get(key))


def _apply_item_directives(target: Items, patch: Items, key: str, path: str) -> tuple[Items, Items]:
    rest: Items = []
    replace = False
    for item in patch:
        if not isinstance(item, dict):
            raise BadRequestError(f"{path}: an item of the patch is not an object: {item!r}")
        match item.get(_DIRECTIVE):
            case None:
                rest.append(item)
            case "delete":
                value = _key(item, key, path)
                target = [t for t in target if _key(t, key, path) != value]
            case "replace":
                replace = True
            case other:
                raise BadRequestError(_unknown_directive(other, path))
    return (rest, []) if replace else (target, rest)


def _merge_ordered(
    target: dict[str, Any], patch: dict[str, Any], directive: str, shape: Shape, path: str
) -> None:
    field = directive.removeprefix(_ORDER)
    where = f"{path}.{field}" if path else field
    order = _list(patch.pop(directive), directive, path)
    child = shape.member(field) or PLAIN
    before = _list(target[field], field, path) if field in target else None
    change = _list(patch[field], field, path) if field in patch else None
    if before is None and change is None:
        return
    if change is None:
        merged = list(before or ())
    elif before is None:
        merged = _without_directives(change)[0]
    else:
        merged = _merge_list(list(before), change, child, where)
    patch.pop(field, None)
    key = child.merge_key
    identity: Callable[[Any], Any] = _itself
    if key:
        if not all(isinstance(o, dict) and key in o for o in order):
            raise BadRequestError(f"{where}: every item of {directive!r} needs the key {key!r}")
        identity = lambda item: item.get(key) if isinstance(item, dict) else item  # noqa: E731
    target[field] = _in_order(merged, order, before or [], identity)


def _in_order(merged: Items, order: Items, server: Items, identity: Callable[[Any], Any]) -> Items:
    """Sort by ``order``; items it does not name keep their place relative to ``server``.

    An item only the server has goes in front of the first named item that follows it there.
    """
    wanted = _positions(order, identity)
    known = _positions(server, identity)

    def rank(item: Any, ranks: Mapping[Any, int]) -> int:
        return ranks.get(_hashable(identity(item)), -1)

    named = sorted((m for m in merged if rank(m, wanted) >= 0), key=lambda m: rank(m, wanted))
    others = [m for m in merged if rank(m, wanted) < 0]
    others.sort(key=lambda m: rank(m, known))
    result: Items = []
    i = j = 0
    while i < len(others) and j < len(named):
        left, right = rank(others[i], known), rank(named[j], known)
        if 0 <= left < right:
            result.append(others[i])
            i += 1
        else:
            result.append(named[j])
            j += 1
    return [*result, *others[i:], *named[j:]]


def _positions(items: Sequence[Any], identity: Callable[[Any], Any]) -> dict[Any, int]:
    positions: dict[Any, int] = {}
    for index, item in enumerate(items):
        positions.setdefault(_hashable(identity(item)), index)
    return positions


def _without_directives(value: Any) -> tuple[Any, bool]:
    """Clean a value that is added, not merged; the flag is False when nothing is left to add."""
    if isinstance(value, dict):
        directive = value.pop(_DIRECTIVE, None)
        if directive == "delete":
            return None, False
        cleaned: dict[str, Any] = {}
        for name, member in value.items():
            if member is None or name == _RETAIN or name.startswith((_ORDER, _REMOVE)):
                continue
            member, keep = _without_directives(member)
            if keep:
                cleaned[name] = member
        return cleaned, True
    if isinstance(value, list):
        return [_without_directives(item)[0] for item in value if not _is_directive(item)], True
    return value, True


def _is_directive(item: Any) -> bool:
    """Whether a list item only says what to do with the list."""
    if not isinstance(item, dict):
        return False
    return item.get(_DIRECTIVE) == "delete" or item.keys() == {_DIRECTIVE}


def _key(item: Any, key: str, path: str) -> Any:
    if not isinstance(item, dict) or item.get(key) is None:
        raise BadRequestError(f"{path}: an item does not contain the merge key {key!r}: {item!r}")
    return item[key]


def _list(value: Any, name: str, path: str) -> Items:
    if not isinstance(value, list):
        raise BadRequestError(f"{path or 'patch'}: {name!r} must be a list, not {value!r}")
    return value


def _unique(items: Items) -> Items:
    return list({_hashable(item): item for item in items}.values())


def _itself(item: Any) -> Any:
    return item


def _hashable(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)
    return value if isinstance(value, str | int | float | None) else repr(value)


def _unknown_directive(directive: Any, path: str) -> str:
    return f"{path or 'patch'}: unknown patch directive {directive!r}"
