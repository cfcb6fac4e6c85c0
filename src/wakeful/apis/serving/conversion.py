"""What reading the 2018 shapes of every kind has in common.

The four kinds look the same in all served versions; v1alpha1 accepts older spellings besides and
they are rewritten on the way in. Going out nothing changes, so ``from_hub`` does not exist.
"""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import FieldError, FieldErrors, to_text
from wakeful.apis.serving.register import WEBHOOK

Wire = dict[str, Any]


class LegacyShapeError(BadRequestError):
    """A v1alpha1 object mixes shapes, or uses one that was given up; worded as a denial."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__(
            f'admission webhook "{WEBHOOK}" denied the request: validation failed:'
            f" {to_text(errors)}"
        )
        self.errors = errors


def as_object(value: Any) -> Wire:
    """``value`` if it is an object, else an empty one; wrong types are the model's to refuse."""
    return value if isinstance(value, dict) else {}


def refuse(errors: FieldErrors) -> None:
    """Raise when there is anything to refuse."""
    if errors:
        raise LegacyShapeError(errors)


def exclusive(data: Wire, path: str, *names: str) -> list[FieldError]:
    """At most one of ``names`` may be set."""
    found = [f"{path}.{name}" for name in names if data.get(name) is not None]
    if len(found) < 2:
        return []
    return [FieldError("expected exactly one, got both", tuple(found))]
