"""Reading destinations of 2019, which named their target beside ``ref``."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import FieldError, FieldErrors, invalid_value, to_text, under

Wire = dict[str, Any]

WEBHOOK = "validation.webhook.eventing.knative.dev"
"""Denials of every kind of Eventing are worded as this webhook's."""

_FLAT = ("apiVersion", "kind", "name", "namespace")


class LegacyShapeError(BadRequestError):
    """An object of an old version has a shape that version refuses; worded as a denial."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__(
            f'admission webhook "{WEBHOOK}" denied the request: validation failed:'
            f" {to_text(errors)}"
        )
        self.errors = errors


def refuse(errors: FieldErrors) -> None:
    """Raise when there is anything to refuse."""
    if errors:
        raise LegacyShapeError(errors)


def as_object(value: Any) -> Wire:
    """``value`` if it is an object, else an empty one; wrong types are the model's to refuse."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def is_patched(data: Wire) -> bool:
    """Whether part of an object may come from what was stored, as when a patch was applied to it.

    Who applies a file of 2019 again sends its own form, beside the one that it was shown. What was
    sent is then the newer one, and no fault.
    """
    return bool(as_object(data.get("metadata")).get("uid"))


def unflatten(value: Any, path: str, *, patched: bool = False) -> Any:
    """Rewrite the flat form into ``ref``; ``path`` is where the destination is, for faults.

    With ``patched`` the flat form wins over a ``ref``.

    Raises:
        LegacyShapeError: Both forms are given at once.
    """
    if not isinstance(value, dict):
        return value
    flat = {name: value[name] for name in _FLAT if value.get(name)}
    rest = {name: member for name, member in value.items() if name not in _FLAT}
    if not flat:
        return rest
    if rest.get("ref") is not None and not patched:
        message = "Ref and [apiVersion, kind, name] can't be both present"
        refuse(under(path, [FieldError(message, ("[apiVersion, kind, name]", "ref"))]))
    return rest | {"ref": flat}


def refuse_flat(value: Any, path: str) -> None:
    """Refuse the flat form where 2019's API refused it too.

    Raises:
        LegacyShapeError: A flat field is set.
    """
    if isinstance(value, dict):
        refuse(
            [
                invalid_value(f"{name} is not allowed here, it's a deprecated value", name).under(
                    path
                )
                for name in _FLAT
                if value.get(name)
            ]
        )
