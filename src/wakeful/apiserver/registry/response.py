"""What the registry answers, before anything is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wakeful.apiserver.registry.served import Served


@dataclass(slots=True)
class Response:
    """An answer; ``object`` may be shared with watchers: read only.

    ``data`` is its encoding where that is known already. ``served`` tells how to show the object
    (or, with ``items``, the objects) as a table; it is None for answers that are no such object.
    """

    object: dict[str, Any]
    code: int = 200
    data: bytes | None = None
    warnings: Sequence[str] = field(default_factory=list)
    served: Served | None = None
    is_list: bool = False
