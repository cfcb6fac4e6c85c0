"""What the hub needs of its surroundings, as roles that ``cmd`` fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from wakeful.apimachinery.request import Transport

AccountTransport = Callable[[str, str], Transport]
"""(namespace, service account) → the API server as that account is allowed to use it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered."""

    status: int
    body: bytes


class Poster(Protocol):
    """Sends JSON to a URL; names of the cluster are understood."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> Awaitable[Reply]:
        """Post ``body``; raises OSError or TimeoutError when there is no answer."""
        ...


JSON = dict[str, Any]
