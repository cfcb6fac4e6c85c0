"""What resolvers have in common."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.apis.pipeline.scalars import ParamValue

DATA_LIMIT_BYTES = 1 << 20
"""As much as fits into an object."""


class ResolutionError(Exception):
    """Nothing was found, or it may not be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was found."""

    data: bytes
    """YAML or JSON of one object."""
    source: RefSource | None = None

    def encoded(self) -> str:
        """As it is put into the status.

        Raises:
            ResolutionError: It is too large.
        """
        if len(self.data) > DATA_LIMIT_BYTES:
            raise ResolutionError(f"what was found has {len(self.data)} bytes, more than 1 MiB")
        return base64.b64encode(self.data).decode()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, by whom."""

    params: Mapping[str, ParamValue]
    namespace: str

    def text(self, name: str, default: str = "") -> str:
        """A parameter that is a string.

        Raises:
            ResolutionError: It is an array or an object.
        """
        value = self.params.get(name, default)
        if not isinstance(value, str):
            raise ResolutionError(f"parameter {name!r} is not a string")
        return value

    def required(self, name: str) -> str:
        """A parameter that must be given.

        Raises:
            ResolutionError: It is not, or is no string.
        """
        value = self.text(name)
        if not value:
            raise ResolutionError(f"missing required params: [{name}]")
        return value


class Resolver(Protocol):
    """Fetches from one kind of place."""

    @property
    def name(self) -> str:
        """The value of the label by which it is asked."""
        ...

    async def resolve(self, question: Question) -> Resolved:
        """Return what is asked for.

        Raises:
            ResolutionError: It cannot be had.
        """
        ...
