"""JSON Patch (RFC 6902) with the leniency of the Go library behind the Kubernetes API.

``replace`` of a missing member of an object adds it, and ``test`` of a missing member against null
passes; everything else is strict. What copies may add up to is limited: each can double a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import jsonpatch
import orjson
from jsonpointer import JsonPointer, JsonPointerException

from wakeful.apimachinery.errors import APIStatusError, BadRequestError, InvalidError
from wakeful.apimachinery.meta import deep_copy_json

MAX_OPERATIONS = 10_000
MAX_COPIED_BYTES = 3 * 1024 * 1024
REJECTED = "the server rejected our request due to an error in our request"


class _Replace(jsonpatch.ReplaceOperation):
    def apply(self, obj: Any) -> Any:
        container, part = self.pointer.to_last(obj)
        missing = isinstance(container, dict) and part is not None and part not in container
        if missing and "value" in self.operation:
            container[part] = deep_copy_json(self.operation["value"])
            return obj
        return super().apply(obj)


class _Test(jsonpatch.TestOperation):
    def apply(self, obj: Any) -> Any:
        if self.operation.get("value") is None:
            try:
                container, part = self.pointer.to_last(obj)
            except JsonPointerException:
                return obj
            if isinstance(container, dict) and container.get(part) is None:
                return obj
        return super().apply(obj)


class _Patch(jsonpatch.JsonPatch):
    operations = MappingProxyType(
        {**jsonpatch.JsonPatch.operations, "replace": _Replace, "test": _Test}
    )


class _TooManyOperationsError(APIStatusError):
    code, reason = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge"


def apply_json_patch(patch: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``document`` with the operations applied in order; the argument is left alone.

    Raises:
        BadRequestError: ``patch`` is not a list of operations.
        InvalidError: An operation does not apply.
        APIStatusError: There are too many operations.
    """
    if not isinstance(patch, list) or not all(isinstance(op, Mapping) for op in patch):
        raise BadRequestError(
            "error decoding patch: a JSON patch is a list of operations, each an object"
        )
    if len(patch) > MAX_OPERATIONS:
        raise _TooManyOperationsError(
            "Request entity too large: The allowed maximum operations in a JSON patch is"
            f" {MAX_OPERATIONS}, got {len(patch)}"
        )
    try:
        result = _carry_out(patch, deep_copy_json(document))
    except jsonpatch.InvalidJsonPatch as err:
        raise BadRequestError(f"error decoding patch: {err}") from err
    except (jsonpatch.JsonPatchException, JsonPointerException) as err:
        raise _rejected(patch, str(err)) from err
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as err:
        raise _rejected(patch, f"an operation does not fit the document: {err}") from err
    if not isinstance(result, dict):
        raise _rejected(patch, "the result is not an object")
    return result


def _carry_out(patch: list[Any], document: Any) -> Any:
    """Change ``document`` in place; the root may be another one then."""
    copied = 0
    for operation in patch:
        copied += _copied_bytes(operation, document)
        if copied > MAX_COPIED_BYTES:
            raise jsonpatch.JsonPatchConflict(
                "Unable to complete the copy, the accumulated size increase of copy is"
                f" {copied}, exceeding the limit {MAX_COPIED_BYTES}"
            )
        document = _Patch([operation]).apply(document, in_place=True)
    return document


def _copied_bytes(operation: Mapping[str, Any], document: Any) -> int:
    source = operation.get("from")
    if operation.get("op") != "copy" or not isinstance(source, str):
        return 0
    return len(orjson.dumps(JsonPointer(source).resolve(document, None)))


def _rejected(patch: list[Any], why: str) -> APIStatusError:
    paths = [op["path"] for op in patch if isinstance(op.get("path"), str)]
    details = {"causes": [{"reason": "FieldValueInvalid", "message": why, "field": paths[0]}]}
    return InvalidError(f"{REJECTED}: {why}", details=details if len(paths) == 1 else None)
