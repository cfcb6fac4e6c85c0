"""Putting values in the place of variables: one pass over a text, by a table.

Values are never looked into again, variables the table does not know stay as they are written, and
so does whatever the shell means by a dollar sign. Where a list is expected, a variable that stands
alone and means a list becomes its items; where a value is expected, it may become a whole object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.pipeline import Param, WhenExpression
from wakeful.apis.pipeline.scalars import texts_of

Value = str | list[str] | dict[str, str]
ModelT = TypeVar("ModelT", bound=APIModel)

_REFERENCE = re.compile(r"\$\(([^()$]+)\)|\$\{((?:inputs|outputs|params|resources)\.[^{}$()\s]+)\}")
"""Today's ``$(name)``; and ``${name}`` of 2019, which a dot tells from a shell variable."""
_ALONE = re.compile(r"^\$\(([^()$]+)\)$")
_ALL = "[*]"
_ATOMS = frozenset((bool, int, float, timedelta, datetime))


@dataclass(frozen=True, slots=True)
class Replacements:
    """Values by the name of the variable: text, lists, objects."""

    strings: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, list[str]] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __or__(self, other: Replacements) -> Replacements:
        """Both tables; ``other`` wins, whatever the types."""
        return Replacements(
            {**_without(self.strings, other.arrays), **other.strings},
            {**_without(self.arrays, other.strings), **other.arrays},
            {**self.objects, **other.objects},
        )

    def __bool__(self) -> bool:
        return bool(self.strings or self.arrays or self.objects)

    def text(self, text: str) -> str:
        """Replace every variable in a text; a list inside a longer text is joined by spaces."""
        if "$" not in text:
            return text
        return _REFERENCE.sub(self._found, text)

    def _found(self, match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in self.strings:
            return self.strings[name]
        items = self.arrays.get(name.removesuffix(_ALL))
        return match[0] if items is None else " ".join(items)

    def items(self, texts: Iterable[str]) -> list[str]:
        """Replace in a list; a text that is a list's variable becomes the list's items."""
        found: list[str] = []
        for text in texts:
            array = self._array(text)
            if array is None:
                found.append(self.text(text))
            else:
                found.extend(array)
        return found

    def value(self, value: Value) -> Value:
        """Replace in a value; a variable that stands alone may change its type."""
        if isinstance(value, list):
            return self.items(value)
        if isinstance(value, dict):
            return {key: self.text(member) for key, member in value.items()}
        array = self._array(value)
        if array is not None:
            return list(array)
        alone = _ALONE.match(value)
        if alone is not None and alone[1].endswith(_ALL):
            whole = self.objects.get(alone[1].removesuffix(_ALL))
            if whole is not None:
                return dict(whole)
        return self.text(value)

    def json_text(self, text: str) -> str:
        """Replace in a text; a list that stands alone becomes its JSON."""
        array = self._array(text)
        return self.text(text) if array is None else orjson.dumps(array).decode()

    def params(self, params: Iterable[Param]) -> list[Param]:
        """Replace in the values of parameters."""
        return [Param(name=p.name, value=self.value(p.value)) for p in params]

    def when(self, expressions: Iterable[WhenExpression]) -> list[WhenExpression]:
        """Replace in conditions."""
        return [
            WhenExpression(
                input=self.json_text(e.input),
                operator=e.operator,
                values=self.items(e.values),
                cel=self.text(e.cel),
            )
            for e in expressions
        ]

    def model(self, model: ModelT, *, but: frozenset[str] = frozenset()) -> ModelT:
        """A model with every text in it replaced, except in the fields ``but``.

        Lists of texts may grow, keys of maps stay. What has no variable of the table in it is not
        copied: the result shares it with ``model``, which may be the result itself.
        """
        if not self:
            return model
        changed = {}
        for name, value in model.__dict__.items():
            if not value or value.__class__ in _ATOMS or name in but:
                continue
            made = self.anywhere(value)
            if made is not value:
                changed[name] = made
        return model.model_copy(update=changed) if changed else model

    def anywhere(self, value: Any) -> Any:
        """Replace in whatever a model may hold; without a change, the very same value."""
        if isinstance(value, str):
            return self.text(value) if "$" in value else value
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, Param):
            return value if not _has_variable(value.value) else self.params([value])[0]
        if isinstance(value, WhenExpression):
            return self.when([value])[0] if _is_variable_in(value) else value
        if isinstance(value, APIModel):
            return self.model(value)
        if isinstance(value, dict):
            made = {key: self.anywhere(member) for key, member in value.items()}
            return made if any(made[key] is not value[key] for key in value) else value
        return value

    def _list(self, value: list[Any]) -> list[Any]:
        if value and all(isinstance(item, str) for item in value):
            return self.items(value) if _has_variable(value) else value
        made = [self.anywhere(item) for item in value]
        same = all(a is b for a, b in zip(made, value, strict=True))
        return value if same else made

    def _array(self, text: str) -> list[str] | None:
        alone = _ALONE.match(text)
        if alone is None or alone[1] in self.strings:
            return None
        return self.arrays.get(alone[1].removesuffix(_ALL))


def _has_variable(value: Value) -> bool:
    return any("$" in text for text in texts_of(value))


def _is_variable_in(when: WhenExpression) -> bool:
    return "$" in when.input or "$" in when.cel or _has_variable(when.values)


def _without(table: Mapping[str, Any], hidden: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in hidden}
