"""Errors that carry the path of the field at fault, in the two dialects clients know.

Built-in kinds answer 422 with one cause per field (:func:`to_causes`); Knative and Tekton kinds
answer as their admission webhooks do, with one text (:func:`to_text`). Validation code builds the
same :class:`FieldError` for both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson


class ErrorType(StrEnum):
    """Machine-readable causes of a 422."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    FORBIDDEN = "FieldValueForbidden"
    TYPE_INVALID = "FieldValueTypeInvalid"
    DUPLICATE = "FieldValueDuplicate"
    NOT_FOUND = "FieldValueNotFound"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: what is wrong, and at which path or paths."""

    message: str
    paths: tuple[str, ...] = ()
    details: str = ""
    type: ErrorType = ErrorType.INVALID

    def under(self, prefix: str) -> FieldError:
        """The same fault, seen from a parent: every path gets ``prefix`` in front.

        A path that starts with an index (``[0]``) is joined without a dot.
        """
        return replace(self, paths=tuple(join(prefix, p) for p in self.paths or ("",)))


FieldErrors = list[FieldError]


def join(prefix: str, path: str) -> str:
    """Join two paths; either may be empty."""
    if not prefix or not path:
        return prefix or path
    first = path.partition(".")[0]
    is_index = first.startswith("[") and first.endswith("]")
    return prefix + path if is_index else f"{prefix}.{path}"


def under(prefix: str, errors: Iterable[FieldError]) -> FieldErrors:
    """Prefix the paths of several errors."""
    return [e.under(prefix) for e in errors]


def under_index(prefix: str, index: int, errors: Iterable[FieldError]) -> FieldErrors:
    """Prefix with a list element: ``containers[0]``."""
    return under(f"{prefix}[{index}]", errors)


def under_key(prefix: str, key: str, errors: Iterable[FieldError]) -> FieldErrors:
    """Prefix with a map key, upstream's way: ``env[key]``, but ``env.[dotted.key]``."""
    return under(join(prefix, f"[{key}]"), errors)


# --- the words of Kubernetes' field package -------------------------------------------------------


def _show(value: Any) -> str:
    if isinstance(value, str):
        return orjson.dumps(value).decode()
    if value is None:
        return "null"
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def required(path: str, detail: str = "") -> FieldError:
    """``Required value``."""
    return FieldError(
        "Required value" + (f": {detail}" if detail else ""), (path,), type=ErrorType.REQUIRED
    )


def invalid(path: str, value: Any, detail: str) -> FieldError:
    """``Invalid value: "x": detail``."""
    return FieldError(f"Invalid value: {_show(value)}: {detail}", (path,))


def not_supported(path: str, value: Any, valid: Sequence[str]) -> FieldError:
    """``Unsupported value: "x": supported values: "a", "b"``."""
    choices = ", ".join(_show(v) for v in sorted(valid))
    return FieldError(
        f"Unsupported value: {_show(value)}: supported values: {choices}",
        (path,),
        type=ErrorType.NOT_SUPPORTED,
    )


def forbidden(path: str, detail: str) -> FieldError:
    """``Forbidden: detail``."""
    return FieldError(f"Forbidden: {detail}", (path,), type=ErrorType.FORBIDDEN)


def duplicate(path: str, value: Any) -> FieldError:
    """``Duplicate value: "x"``."""
    return FieldError(f"Duplicate value: {_show(value)}", (path,), type=ErrorType.DUPLICATE)


def not_found(path: str, value: Any) -> FieldError:
    """``Not found: "x"``."""
    return FieldError(f"Not found: {_show(value)}", (path,), type=ErrorType.NOT_FOUND)


def too_long(path: str, limit_bytes: int) -> FieldError:
    """``Too long: may not be more than 63 bytes``."""
    return FieldError(
        f"Too long: may not be more than {limit_bytes} bytes", (path,), type=ErrorType.TOO_LONG
    )


# --- the words of Knative's apis package ----------------------------------------------------------


def _go_text(value: Any) -> str:
    """A value as Go's ``%v`` prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "[" + " ".join(_go_text(v) for v in value) + "]"
        case _:
            return str(value)


def missing_field(*paths: str) -> FieldError:
    """``missing field(s)``."""
    return FieldError("missing field(s)", paths, type=ErrorType.REQUIRED)


def disallowed_fields(*paths: str) -> FieldError:
    """``must not set the field(s)``."""
    return FieldError("must not set the field(s)", paths, type=ErrorType.FORBIDDEN)


def invalid_value(value: Any, path: str, details: str = "") -> FieldError:
    """``invalid value: x``."""
    return FieldError(f"invalid value: {_go_text(value)}", (path,), details)


def invalid_key_name(key: str, path: str, details: str = "") -> FieldError:
    """``invalid key name "k"``."""
    return FieldError(f'invalid key name "{key}"', (path,), details)


def out_of_bounds(value: Any, lower: Any, upper: Any, path: str) -> FieldError:
    """``expected 0 <= 601 <= 600``."""
    low, given, high = (_go_text(v) for v in (lower, value, upper))
    return FieldError(f"expected {low} <= {given} <= {high}", (path,))


def missing_one_of(*paths: str) -> FieldError:
    """``expected exactly one, got neither``."""
    return FieldError("expected exactly one, got neither", paths, type=ErrorType.REQUIRED)


def multiple_one_of(*paths: str) -> FieldError:
    """``expected exactly one, got both``."""
    return FieldError("expected exactly one, got both", paths)


# --- renderings -----------------------------------------------------------------------------------


def to_causes(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """One ``StatusCause`` per fault and path."""
    return [
        {
            "reason": str(error.type),
            "message": error.message + (f": {error.details}" if error.details else ""),
            "field": path,
        }
        for error in errors
        for path in (error.paths or ("",))
    ]


def to_text(errors: Iterable[FieldError]) -> str:
    """Render as Knative's ``FieldError.Error()``.

    Errors with equal message and details are merged; paths are sorted and joined by commas, errors
    are sorted by message and joined by newlines.
    """
    merged: dict[tuple[str, str], set[str]] = {}
    for error in errors:
        merged.setdefault((error.message, error.details), set()).update(p for p in error.paths if p)
    lines: list[str] = []
    for message, details in sorted(merged):
        lines.append(f"{message}: {', '.join(sorted(merged[message, details]))}")
        if details:
            lines.append(details)
    return "\n".join(lines)
