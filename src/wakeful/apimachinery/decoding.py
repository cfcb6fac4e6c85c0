"""Request bodies: JSON and YAML as data.

Nothing that comes out of here can upset what comes later: no lone surrogates, no NaN, no integers
beyond 64 bits, no null bytes in names, no depth that exhausts the stack.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from wakeful.apimachinery.errors import BadRequestError

MAX_DEPTH = 128
"""Nesting beyond any real object, and well within the interpreter's stack."""
MAX_NODES = 200_000
"""Values a YAML document may expand to through its aliases."""
_INT64 = range(-(2**63), 2**64)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as data, and the paths of members that were given twice."""

    data: Any
    duplicates: Sequence[str] = ()


class _Repeated(dict[str, Any]):
    """An object in which the keys of ``again`` appeared more than once."""

    again: list[str]


def decode_json(body: bytes, *, find_duplicates: bool = True) -> Decoded:
    """Read JSON; of members given twice the last one counts.

    Raises:
        BadRequestError: The text is not JSON, or nested too deeply.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as err:
        raise BadRequestError(f"couldn't get version/kind; json parse error: {err}") from err
    check_depth(data)
    duplicates: list[str] = []
    if find_duplicates and isinstance(data, dict):
        found = False

        def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal found
            result = dict(items)
            if len(result) == len(items):
                return result
            found = True
            repeated = _Repeated(result)
            counts = Counter(key for key, _ in items)
            repeated.again = [key for key, times in counts.items() if times > 1]
            return repeated

        parsed = json.loads(body, object_pairs_hook=pairs)
        if found:
            duplicates = list(_repeated_paths(parsed, ""))
    return Decoded(data, duplicates)


def _repeated_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in getattr(value, "again", ()):
            yield f"{path}.{key}" if path else key
        for key, member in value.items():
            yield from _repeated_paths(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated_paths(item, f"{path}[{index}]")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """Safe YAML whose times stay text, as in Go."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for letter, rules in _Loader.yaml_implicit_resolvers.items()
}


def decode_yaml(body: bytes) -> Decoded:
    """Read one YAML document (or JSON, which is YAML) as JSON data.

    Raises:
        BadRequestError: The text is not YAML, or has no equivalent in JSON.
    """
    text = body.lstrip()
    if text[:1] in (b"{", b"["):
        try:
            return decode_json(body)
        except BadRequestError:
            pass  # flow style is no JSON yet
    try:
        loader = _Loader(body.decode())
        try:
            node = loader.get_single_node()
            duplicates = list(_repeated_keys(node, "", set()))
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
        converted = _to_json(data, [MAX_NODES], 0)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as err:
        raise BadRequestError(f"error converting YAML to JSON: yaml: {err}") from err
    return Decoded(converted, duplicates)


def yaml_value(text: str) -> Any:
    """Read YAML that stands in a field of an object, such as a key of a ConfigMap, as JSON data.

    Raises:
        ValueError: The text is not YAML, or has no equivalent in JSON: it may contain itself.
    """
    try:
        return decode_yaml(text.encode()).data
    except BadRequestError as err:
        raise ValueError(err.message) from err


def _repeated_keys(node: Any, path: str, seen: set[int], depth: int = 0) -> Iterator[str]:
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    if depth > MAX_DEPTH:
        raise ValueError("document contains excessive nesting")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            where = f"{path}.{name}" if path else name
            if name in names and name != "<<":
                yield where
            names.add(name)
            yield from _repeated_keys(value, where, seen, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, f"{path}[{index}]", seen, depth + 1)


def _to_json(value: Any, budget: list[int], depth: int) -> Any:
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH:
        raise ValueError("document contains excessive aliasing or nesting")
    match value:
        case None | bool():
            return value
        case str():
            value.encode()  # refuses lone surrogates
            return value
        case int():
            return value if value in _INT64 else float(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} has no JSON form")
            return value
        case dict():
            return {_key(k): _to_json(v, budget, depth + 1) for k, v in value.items()}
        case list() | tuple():
            return [_to_json(v, budget, depth + 1) for v in value]
        case bytes():
            return value.decode()
        case _:
            raise ValueError(f"{type(value).__name__} has no JSON form")


def _key(key: Any) -> str:
    match key:
        case str():
            key.encode()
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case _:
            raise ValueError(f"key {key!r} has no JSON form")


def check_depth(data: Any, limit: int = MAX_DEPTH) -> None:
    """Refuse nesting that later recursion could not bear.

    Raises:
        BadRequestError: ``data`` is nested more than ``limit`` levels deep.
    """
    level: list[Any] = [data]
    for _ in range(limit + 1):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise BadRequestError(f"the object is nested more than {limit} levels deep")
