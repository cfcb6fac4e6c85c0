"""Sets of field paths, in the form objects carry them (``FieldsV1``).

A set is a tree: ``f:name`` leads to a member, ``k:{"name":"x"}`` to an item of a keyed list,
``v:"x"`` to an item of a set. A path is in the set when its node is empty or holds ``"."``.
Functions return new trees and share the parts that stay the same; no tree is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from wakeful.apimachinery.shapes import PLAIN, Shape

Fields = dict[str, Any]

SELF = "."


def fields_of(value: Any, shape: Shape | None) -> Fields:
    """Every path of a value: its leaves, and the items of its keyed lists."""
    if isinstance(value, dict):
        if shape is not None and shape.atomic:
            return {}
        if shape is None:
            return {f"f:{k}": fields_of(v, None) for k, v in value.items()}
        return {f"f:{k}": fields_of(v, shape.member(k)) for k, v in value.items()}
    if isinstance(value, list) and shape is not None and shape.list_type != "atomic":
        keyed = items_by_key(value, shape)
        if keyed is None:
            return {}
        if shape.list_type == "set":
            return {key: {} for key in keyed}
        return {key: {SELF: {}} | fields_of(item, shape.items) for key, item in keyed.items()}
    return {}


def items_by_key(items: Sequence[Any], shape: Shape) -> dict[str, Any] | None:
    """Items of a list under their path elements; None when they cannot be told apart."""
    keyed: dict[str, Any] = {}
    for item in items:
        key = _element(item, shape)
        if key is None or key in keyed:
            return None
        keyed[key] = item
    return keyed


def _element(item: Any, shape: Shape) -> str | None:
    if shape.list_type == "set":
        return None if isinstance(item, dict | list) else "v:" + orjson.dumps(item).decode()
    if not isinstance(item, dict):
        return None
    key = {name: item.get(name, shape.key_defaults.get(name)) for name in shape.keys}
    if None in key.values() and not any(item.get(name) is not None for name in shape.keys):
        return None
    known = {name: value for name, value in key.items() if value is not None}
    return "k:" + orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()


def compare(old: Any, new: Any, shape: Shape | None) -> tuple[Fields, Fields]:
    """Return what was added or got another value, and what went away.

    A leaf of the second tree stands for everything below it. Equal values yield two empty trees;
    the caller tells "nothing" from "this very value" by comparing first.
    """
    changed: Fields = {}
    removed: Fields = {}
    for key, child_shape, before, after in _children(old, new, shape):
        if before is _ABSENT:
            added = fields_of(after, child_shape)
            changed[key] = {SELF: {}} | added if key.startswith("k:") else added
        elif after is _ABSENT:
            removed[key] = {}
        elif _opens(before, after, child_shape):
            inner_changed, inner_removed = compare(before, after, child_shape)
            if inner_changed:
                changed[key] = inner_changed
            if inner_removed:
                removed[key] = inner_removed
        else:
            changed[key] = fields_of(after, child_shape)
            if isinstance(before, dict | list):
                removed[key] = {}
    return changed, removed


_ABSENT: Any = object()


def _opens(old: Any, new: Any, shape: Shape | None) -> bool:
    """Whether two different values are compared member by member rather than as one."""
    if isinstance(old, dict) and isinstance(new, dict):
        return bool(old) and bool(new) and not (shape is not None and shape.atomic)
    if isinstance(old, list) and isinstance(new, list):
        return (
            shape is not None
            and shape.list_type != "atomic"
            and items_by_key(old, shape) is not None
            and items_by_key(new, shape) is not None
        )
    return False


def _children(
    old: Any, new: Any, shape: Shape | None
) -> Iterator[tuple[str, Shape | None, Any, Any]]:
    """Path element, shape, old and new value of every child that differs."""
    if isinstance(new, dict):
        for name, value in new.items():
            before = old.get(name, _ABSENT)
            if before is _ABSENT or before != value or type(before) is not type(value):
                yield f"f:{name}", shape.member(name) if shape else None, before, value
        for name in old.keys() - new.keys():
            yield f"f:{name}", shape.member(name) if shape else None, old[name], _ABSENT
    elif shape is not None:
        olds, news = items_by_key(old, shape) or {}, items_by_key(new, shape) or {}
        for key, value in news.items():
            before = olds.get(key, _ABSENT)
            if before is _ABSENT or before != value:
                yield key, shape.items, before, value
        for key in olds.keys() - news.keys():
            yield key, shape.items, olds[key], _ABSENT


def union(left: Fields, right: Fields) -> Fields:
    """Paths of either set."""
    if not left or left is right:
        return right
    if not right:
        return left
    result = dict(left)
    for key, theirs in right.items():
        ours = result.get(key)
        if ours is None:
            result[key] = theirs
        elif ours != theirs:
            # An empty node is a member; beside children it has to say so.
            merged = union(ours or {SELF: {}}, theirs or {SELF: {}})
            result[key] = {} if merged.keys() == {SELF} else merged
    return result


def difference(left: Fields, right: Fields) -> Fields:
    """Paths of ``left`` without those of ``right``, and without anything below its leaves."""
    if not right or not left:
        return left
    result = dict(left)
    for key, theirs in right.items():
        ours = result.get(key)
        if ours is None:
            continue
        if not theirs:
            del result[key]
        elif not ours:
            if SELF in theirs:
                del result[key]
        else:
            rest = difference(ours, theirs)
            if not rest:
                del result[key]
            else:
                result[key] = {} if rest.keys() == {SELF} else rest
    return result


def common_paths(left: Fields, right: Fields, prefix: str = "") -> Iterator[str]:
    """Paths in both sets, as messages write them: ``.spec.containers[name="x"].image``."""
    for key, ours in left.items():
        theirs = right.get(key)
        if theirs is None or key == SELF:
            continue
        path = prefix + _words(key)
        if (not ours or SELF in ours) and (not theirs or SELF in theirs):
            yield path
        elif not theirs or (SELF in theirs and not ours):
            yield path  # one value takes the place of what the other set owned in parts
        if ours and theirs:
            yield from common_paths(ours, theirs, path)


def _words(element: str) -> str:
    kind, body = element[:2], element[2:]
    if kind == "f:":
        return f".{body}"
    if kind == "v:":
        return f"[={body}]"
    pairs = orjson.loads(body)
    return "[" + ",".join(f"{k}={orjson.dumps(v).decode()}" for k, v in pairs.items()) + "]"


def without(value: Any, gone: Fields, kept: Fields, shape: Shape | None) -> Any:
    """Return ``value`` without the paths of ``gone``, except where ``kept`` has something.

    A subtree goes as one when nothing in it is kept; so members nobody owns go with it.
    """
    if isinstance(value, dict):
        result = dict(value)
        for key, theirs in gone.items():
            name = key[2:]
            if key == SELF or name not in result:
                continue
            if key not in kept:
                del result[name]
            elif theirs and kept[key]:
                inner = shape.member(name) if shape else None
                result[name] = without(result[name], theirs, kept[key], inner)
        return result
    if isinstance(value, list) and shape is not None and shape.list_type != "atomic":
        items: list[Any] = []
        for item in value:
            key_of_item = _element(item, shape)
            if key_of_item is None or key_of_item not in gone:
                items.append(item)
            elif key_of_item in kept:
                inner_gone, inner_kept = gone[key_of_item], kept[key_of_item]
                items.append(
                    without(item, inner_gone, inner_kept, shape.items)
                    if inner_gone and inner_kept
                    else item
                )
        return items
    return value


def merge(live: Any, config: Any, shape: Shape | None) -> Any:
    """Return ``live`` with ``config`` laid over it by the rules of ``shape``."""
    if isinstance(config, dict) and isinstance(live, dict):
        if shape is not None and shape.atomic:
            return config
        result = dict(live)
        for name, value in config.items():
            if name in live:
                result[name] = merge(live[name], value, shape.member(name) if shape else None)
            else:
                result[name] = value
        return result
    if (
        isinstance(config, list)
        and isinstance(live, list)
        and shape is not None
        and shape.list_type != "atomic"
    ):
        ours, theirs = items_by_key(live, shape), items_by_key(config, shape)
        if ours is not None and theirs is not None:
            return _merge_items(ours, theirs, shape.items or PLAIN)
    return config


def _merge_items(live: Mapping[str, Any], config: Mapping[str, Any], shape: Shape) -> list[Any]:
    """Items in the order of ``config``; those only ``live`` has keep their place among shared."""
    result: list[Any] = []
    waiting = list(live)
    for key, value in config.items():
        if key in live:
            # Everything in front of this item that is not shared stays in front of it.
            while waiting and waiting[0] != key and waiting[0] not in config:
                result.append(live[waiting.pop(0)])
            if key in waiting:
                waiting.remove(key)
            result.append(merge(live[key], value, shape))
        else:
            while waiting and waiting[0] not in config:
                result.append(live[waiting.pop(0)])
            result.append(value)
    result.extend(live[key] for key in waiting if key not in config)
    return result
