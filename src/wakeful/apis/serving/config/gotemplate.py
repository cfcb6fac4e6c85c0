"""The part of Go's text templates that operators write into config maps.

Understood: text, ``{{.Name}}``, ``{{.Labels.key}}``, ``{{index .Annotations "key"}}``,
``{{if …}}…{{else if …}}…{{else}}…{{end}}``, the functions ``eq``, ``ne``, ``not``, ``and``, ``or``,
``print``, parentheses, comments, and trim markers. Loops, variables and pipes are not: nobody
builds a host name with them, and a template that uses them is refused when the map is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ACTION = re.compile(r"\{\{(- )?(.*?)( -)?\}\}", re.DOTALL)
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(\()|(\))|([^\s()"]+))')

Values = Mapping[str, Any]
_Expression = Callable[[Values], Any]


class TemplateError(ValueError):
    """The text is no template, or asks for something that is not there."""


class Template:
    """One parsed template; :meth:`render` may be called any number of times."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts = _split(text)
        self._body, rest, end = _parse_block(parts, 0, nested=False)
        if rest != len(parts):
            raise TemplateError(f"template: unexpected {{{{{end}}}}}")

    def render(self, values: Values) -> str:
        """Fill the template in.

        Raises:
            TemplateError: A field does not exist.
        """
        return "".join(node(values) for node in self._body)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    action: bool


def _split(text: str) -> list[_Part]:
    parts: list[_Part] = []
    position, trim = 0, False
    for found in _ACTION.finditer(text):
        literal = text[position : found.start()]
        literal = literal.lstrip() if trim else literal
        literal = literal.rstrip() if found.group(1) else literal
        if literal:
            parts.append(_Part(literal, action=False))
        body = found.group(2).strip()
        if not body.startswith("/*"):
            parts.append(_Part(body, action=True))
        position, trim = found.end(), bool(found.group(3))
    tail = text[position:]
    tail = tail.lstrip() if trim else tail
    if "{{" in tail:
        raise TemplateError("template: unclosed action")
    if tail:
        parts.append(_Part(tail, action=False))
    return parts


_Node = Callable[[Values], str]


def _parse_block(
    parts: Sequence[_Part], start: int, *, nested: bool
) -> tuple[list[_Node], int, str]:
    """Read nodes up to the closing ``else`` or ``end``; return them, the place, and that word."""
    nodes: list[_Node] = []
    i = start
    while i < len(parts):
        part = parts[i]
        if not part.action:
            nodes.append(_literal(part.text))
            i += 1
            continue
        word = part.text.split(maxsplit=1)[0] if part.text else ""
        if word in ("end", "else"):
            return nodes, i, part.text
        if word == "if":
            node, i = _parse_if(parts, i, part.text[2:])
            nodes.append(node)
            continue
        nodes.append(_output(_expression(part.text)))
        i += 1
    if nested:
        raise TemplateError("template: unexpected EOF")
    return nodes, i, ""


def _parse_if(parts: Sequence[_Part], start: int, condition: str) -> tuple[_Node, int]:
    test = _expression(condition)
    yes, i, word = _parse_block(parts, start + 1, nested=True)
    no: list[_Node] = []
    if word.startswith("else"):
        rest = word[4:].strip()
        if rest.startswith("if"):
            node, after = _parse_if(parts, i, rest[2:])
            return _branch(test, yes, [node]), after
        no, i, word = _parse_block(parts, i + 1, nested=True)
    if word != "end":
        raise TemplateError(f"template: unexpected {{{{{word}}}}}")
    return _branch(test, yes, no), i + 1


def _literal(text: str) -> _Node:
    return lambda values: text


def _output(expression: _Expression) -> _Node:
    return lambda values: _show(expression(values))


def _branch(test: _Expression, yes: list[_Node], no: list[_Node]) -> _Node:
    return lambda values: "".join(node(values) for node in (yes if test(values) else no))


def _show(value: Any) -> str:
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _expression(text: str) -> _Expression:
    tokens = [m.group().strip() for m in _TOKEN.finditer(text)]
    if not tokens or "".join(tokens).replace(" ", "") != text.replace(" ", ""):
        raise TemplateError(f"template: cannot read action {{{{{text}}}}}")
    expression, rest = _call(tokens, 0)
    if rest != len(tokens):
        raise TemplateError(f"template: unexpected {tokens[rest]!r} in action {{{{{text}}}}}")
    return expression


def _call(tokens: Sequence[str], i: int) -> tuple[_Expression, int]:
    name = tokens[i]
    if name not in _FUNCTIONS and name != "index":
        return _operand(tokens, i)
    arguments: list[_Expression] = []
    i += 1
    while i < len(tokens) and tokens[i] != ")":
        argument, i = _operand(tokens, i)
        arguments.append(argument)
    if name == "index":
        return _index(arguments), i
    function = _FUNCTIONS[name]
    return (lambda values: function([a(values) for a in arguments])), i


def _operand(tokens: Sequence[str], i: int) -> tuple[_Expression, int]:
    token = tokens[i]
    if token == "(":  # noqa: S105 - a parenthesis, not a password
        inner, after = _call(tokens, i + 1)
        if after >= len(tokens) or tokens[after] != ")":
            raise TemplateError("template: unclosed left paren")
        return inner, after + 1
    if token.startswith('"'):
        text = token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        return (lambda values: text), i + 1
    if token.startswith("."):
        return _field(token), i + 1
    raise TemplateError(f'template: function "{token}" not defined')


def _field(path: str) -> _Expression:
    names = [n for n in path.split(".") if n]

    def get(values: Values) -> Any:
        current: Any = values
        for depth, name in enumerate(names):
            if not isinstance(current, Mapping) or (depth == 0 and name not in current):
                raise TemplateError(f"template: can't evaluate field {name}")
            current = current.get(name)
        return current

    return get


def _index(arguments: list[_Expression]) -> _Expression:
    if len(arguments) != 2:
        raise TemplateError("template: index wants a map and a key")

    def get(values: Values) -> Any:
        mapping, key = arguments[0](values), arguments[1](values)
        return mapping.get(key, "") if isinstance(mapping, Mapping) else ""

    return get


def _and(values: list[Any]) -> Any:
    return next((v for v in values if not v), values[-1] if values else False)


def _or(values: list[Any]) -> Any:
    return next((v for v in values if v), values[-1] if values else False)


_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "eq": lambda values: any(values[0] == v for v in values[1:]),
    "ne": lambda values: len(values) == 2 and values[0] != values[1],
    "not": lambda values: not (values and values[0]),
    "and": _and,
    "or": _or,
    "print": lambda values: "".join(_show(v) for v in values),
}
