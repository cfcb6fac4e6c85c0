r"""JSONPath in Kubernetes' dialect, as printer columns, ``kubectl wait`` and scale paths use it.

What differs from RFC 9535: the leading ``$`` is optional, braces may surround the path, dots in
names are escaped (``.metadata.annotations.example\.com/x``), filters compare two paths or a path
with a literal (``[?(@.type=="Ready")]``), and what is missing yields nothing instead of an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from wakeful.apimachinery.errors import WakefulError

Step = Callable[[list[Any]], list[Any]]

_SLICE = re.compile(r"^(-?\d*)(:-?\d*)?(:-?\d*)?$")
_FILTER = re.compile(r"^(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)$", re.DOTALL)
_NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$")
_END_OF_NAME = frozenset(".[]{},$@ \t\n")


class JSONPathError(WakefulError, ValueError):
    """The text is not a path of this dialect."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"JSONPath {path!r}: {why}")
        self.path = path


class JSONPath:
    """A compiled path; see :func:`compile_path`."""

    __slots__ = ("_names", "_steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        body = text.strip()
        if body.startswith("{"):
            if not body.endswith("}"):
                raise JSONPathError(text, "unclosed action")
            body = body[1:-1].strip()
        self._steps, self._names = _parse(body, text)

    def find(self, data: Any) -> list[Any]:
        """Every value the path leads to; empty when there is none."""
        found = [data]
        for step in self._steps:
            found = step(found)
            if not found:
                break
        return found

    def first(self, data: Any) -> Any:
        """The first value the path leads to, else None."""
        if self._names is None:
            return next(iter(self.find(data)), None)
        for name in self._names:
            if not isinstance(data, Mapping):
                return None
            data = data.get(name)
        return data

    @property
    def members(self) -> tuple[str, ...]:
        """The names a plain path goes through.

        Raises:
            JSONPathError: The path has wildcards, indices or filters.
        """
        if self._names is None:
            raise JSONPathError(self.text, "not a plain path of members")
        return self._names

    def put(self, data: dict[str, Any], value: Any) -> None:
        """Store ``value`` where a plain path points, making objects on the way.

        Raises:
            JSONPathError: The path is not plain, or leads through something that is no object.
        """
        *parents, last = self.members
        for name in parents:
            data = data.setdefault(name, {})
            if not isinstance(data, dict):
                raise JSONPathError(self.text, f"{name!r} is not an object")
        data[last] = value

    def __repr__(self) -> str:
        return f"JSONPath({self.text!r})"


@lru_cache(maxsize=2048)
def compile_path(text: str) -> JSONPath:
    """Compile once; equal texts share the result.

    Raises:
        JSONPathError: The text is not a path.
    """
    return JSONPath(text)


def _parse(body: str, text: str) -> tuple[list[Step], tuple[str, ...] | None]:
    steps: list[Step] = []
    names: list[str] | None = []
    position = 1 if body[:1] in ("$", "@") else 0
    if position == 0 and body[:1] not in (".", "["):
        body = f".{body}"
    while position < len(body):
        if body.startswith("..", position):
            name, position = _name(body, position + 2, text)
            steps.append(_descend(name))
            names = None
        elif body[position] == ".":
            if position + 1 == len(body):
                break  # "." alone is the object itself
            if body[position + 1] == "[":
                position += 1
                continue
            name, position = _name(body, position + 1, text)
            if name == "*":
                steps.append(_all)
                names = None
            else:
                steps.append(_member(name))
                names = None if names is None else [*names, name]
        elif body[position] == "[":
            end = _closing(body, position, text)
            inside = body[position + 1 : end].strip()
            step, name_in_brackets = _brackets(inside, text)
            steps.append(step)
            if names is not None and name_in_brackets is not None:
                names.append(name_in_brackets)
            else:
                names = None
            position = end + 1
        else:
            raise JSONPathError(text, f"unrecognized character {body[position]!r}")
    return steps, None if names is None else tuple(names)


def _name(body: str, position: int, text: str) -> tuple[str, int]:
    letters: list[str] = []
    while position < len(body) and body[position] not in _END_OF_NAME:
        if body[position] == "\\" and position + 1 < len(body):
            position += 1
        letters.append(body[position])
        position += 1
    if not letters:
        raise JSONPathError(text, "a name is missing")
    return "".join(letters), position


def _closing(body: str, start: int, text: str) -> int:
    """Index of the bracket that closes the one at ``start``; quotes hide brackets."""
    depth, quote, position = 0, "", start
    while position < len(body):
        char = body[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise JSONPathError(text, "unterminated array")


def _brackets(inside: str, text: str) -> tuple[Step, str | None]:
    """The step for the inside of ``[…]``, and the name when it is just a quoted member."""
    if inside == "*":
        return _all, None
    if inside.startswith("?"):
        condition = inside[1:].strip()
        if not (condition.startswith("(") and condition.endswith(")")):
            raise JSONPathError(text, "a filter needs parentheses")
        return _filter(condition[1:-1].strip(), text), None
    parts = _split(inside)
    if len(parts) == 1:
        name = _quoted(parts[0])
        return _bracket(parts[0], text), name
    union = [_bracket(part, text) for part in parts]
    return (lambda found: [v for item in found for step in union for v in step([item])]), None


def _split(inside: str) -> list[str]:
    parts, quote, start = [], "", 0
    for position, char in enumerate(inside):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == ",":
            parts.append(inside[start:position].strip())
            start = position + 1
    return [*parts, inside[start:].strip()]


def _quoted(part: str) -> str | None:
    if len(part) >= 2 and part[0] in "'\"" and part[-1] == part[0]:
        return re.sub(r"\\(.)", r"\1", part[1:-1])
    return None


def _bracket(part: str, text: str) -> Step:
    name = _quoted(part)
    if name is not None:
        return _member(name)
    numbers = _SLICE.match(part)
    if not part or numbers is None:
        raise JSONPathError(text, f"invalid array index {part}")
    if numbers.group(2) is None:
        return _index(int(numbers.group(1)))
    bounds = slice(
        *(int(n) if n else None for n in (g.lstrip(":") if g else "" for g in numbers.groups()))
    )
    if bounds.step is not None and bounds.step <= 0:
        raise JSONPathError(text, "step must be > 0")
    return lambda found: [v for item in found if isinstance(item, list) for v in item[bounds]]


def _member(name: str) -> Step:
    return lambda found: [
        item[name] for item in found if isinstance(item, Mapping) and item.get(name) is not None
    ]


def _index(index: int) -> Step:
    return lambda found: [
        item[index] for item in found if isinstance(item, list) and -len(item) <= index < len(item)
    ]


def _all(found: list[Any]) -> list[Any]:
    return [child for item in found for child in _children(item)]


def _children(item: Any) -> Iterable[Any]:
    if isinstance(item, Mapping):
        return item.values()
    return item if isinstance(item, list) else ()


def _descend(name: str) -> Step:
    def walk(item: Any) -> Iterator[Any]:
        if name == "*":
            yield from _children(item)
        elif isinstance(item, Mapping) and item.get(name) is not None:
            yield item[name]
        for child in _children(item):
            yield from walk(child)

    return lambda found: [v for item in found for v in walk(item)]


def _filter(condition: str, text: str) -> Step:
    parsed = _FILTER.match(condition)
    if parsed is None:
        exists = _operand(condition, text)
        return lambda found: [child for item in found for child in _children(item) if exists(child)]
    left, right = _operand(parsed.group(1), text), _operand(parsed.group(3), text)
    compare = _COMPARE[parsed.group(2)]

    def holds(child: Any) -> bool:
        lefts, rights = left(child), right(child)
        return len(lefts) == 1 and len(rights) == 1 and compare(lefts[0], rights[0])

    return lambda found: [child for item in found for child in _children(item) if holds(child)]


def _operand(part: str, text: str) -> Callable[[Any], list[Any]]:
    part = part.strip()
    literal: Any = _quoted(part)
    if literal is None:
        if part in ("true", "false"):
            literal = part == "true"
        elif _NUMBER.match(part):
            literal = float(part) if set(part) & set(".eE") else int(part)
    if literal is not None:
        return lambda _: [literal]
    if part[:1] not in ("@", "$", ".", "["):
        raise JSONPathError(text, f"unrecognized operand {part!r}")
    steps, _ = _parse(part, text)

    def evaluate(child: Any) -> list[Any]:
        found = [child]
        for step in steps:
            found = step(found)
        return found

    return evaluate


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    return ((_number(left) and _number(right)) or type(left) is type(right)) and bool(left == right)


def _less(left: Any, right: Any) -> bool:
    if (_number(left) and _number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return bool(left < right)
    return False


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _less,
    ">": lambda left, right: _less(right, left),
    "<=": lambda left, right: _less(left, right) or _equal(left, right),
    ">=": lambda left, right: _less(right, left) or _equal(left, right),
}
