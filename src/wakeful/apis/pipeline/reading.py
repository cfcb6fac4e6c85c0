"""Reading what clients send: keys in any case, and no key nobody knows.

Both are how Go's decoder treats Tekton's objects: ``mountpath`` is ``mountPath``, and an object
with an unknown field is refused before anybody looks at what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.pruning import Structure, members_of
from wakeful.apis.pipeline.register import VALIDATION_WEBHOOK, WEBHOOK

Wire = dict[str, Any]
Extras = Mapping[type[BaseModel], Mapping[str, Structure]]
"""Fields a version has beside the model's, by the model they belong to."""
_OUTSIDE = frozenset(("apiVersion", "kind", "metadata"))
"""Parts of an object that are not the webhook's to judge."""


class UndecodableError(BadRequestError):
    """The object has a field its version does not know; worded as the webhook's denial."""

    def __init__(self, field: str) -> None:
        super().__init__(
            f'admission webhook "{WEBHOOK}" denied the request: mutation failed: cannot decode'
            f' incoming new object: json: unknown field "{field}"'
        )
        self.field = field


class UnconvertibleError(BadRequestError):
    """The object mixes shapes that exclude each other; worded as the webhook's denial."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f'admission webhook "{VALIDATION_WEBHOOK}" denied the request: validation failed:'
            f" {text}"
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of one version of one kind."""

    model: type[Object]
    extras: Extras

    def __call__(self, data: Wire) -> Wire:
        """Return the object with every key spelt as it should be.

        Raises:
            UndecodableError: A field is unknown.
        """
        members = members_of(self.model)
        made: Wire = {}
        for key, value in data.items():
            if key in _OUTSIDE:
                made[key] = value
                continue
            name = _spelling(key, members)
            if name is None:
                if key.lower() == "status":  # kinds without one had an empty one in 2019
                    continue
                raise UndecodableError(key)
            made[name] = self._read(members[name], value)
        return made

    def _read(self, structure: Structure, value: Any) -> Any:
        if isinstance(value, dict):
            if structure.model is not None:
                return self._members(structure.model, value)
            if structure.values is not None:
                return {k: self._read(structure.values, v) for k, v in value.items()}
        elif isinstance(value, list) and structure.items is not None:
            return [self._read(structure.items, item) for item in value]
        return value

    def _members(self, model: type[BaseModel], value: Wire) -> Wire:
        members = members_of(model)
        for base in model.__mro__:
            if base in self.extras:
                members = {**self.extras[base], **members}
        made: Wire = {}
        for key, member in value.items():
            name = _spelling(key, members)
            if name is None:
                raise UndecodableError(key)
            made[name] = self._read(members[name], member)
        return made


def _spelling(key: str, members: Mapping[str, Any]) -> str | None:
    if key in members:
        return key
    wanted = key.lower()
    return next((name for name in members if name.lower() == wanted), None)
