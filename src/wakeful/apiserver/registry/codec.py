"""From what a client sent to a model of the stored version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from wakeful.apimachinery.decodeerrors import (
    decoding_problems,
    fill_nulls,
    strict_error,
    validation_error,
)
from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import Object, drop_nulls
from wakeful.apimachinery.pruning import unknown_fields
from wakeful.apimachinery.structural import StructuralSchema
from wakeful.apiserver.registry.call import Call, require_object

_SYSTEM_METADATA = (
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
)


def decode_body(call: Call) -> dict[str, Any]:
    """Check that the body is an object of the kind asked for, in that version.

    Raises:
        BadRequestError: It is no object, or one of another kind or version.
    """
    body = require_object(call.request.body)
    gvk = call.served.gvk
    api_version, kind = body.get("apiVersion") or "", body.get("kind") or ""
    if not isinstance(api_version, str) or not isinstance(kind, str):
        raise BadRequestError("apiVersion and kind must be strings")
    if call.served.resource.custom and not (api_version and kind):
        missing = "apiVersion" if kind else "Kind"
        raise BadRequestError(f"Object '{missing}' is missing in the body of the request")
    if api_version and api_version != gvk.api_version:
        raise BadRequestError(
            f"the API version in the data ({api_version}) does not match the expected API version"
            f" ({gvk.api_version})"
        )
    if kind and kind != gvk.kind:
        raise BadRequestError(
            f"the kind in the data ({kind}) does not match the expected kind ({gvk.kind})"
        )
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequestError("metadata must be an object")
    return body


def to_model(call: Call, body: dict[str, Any], duplicates: Sequence[str] = ()) -> Object:
    """Convert an object of the request's version into a model of the stored one.

    Unknown fields are reported as ``fieldValidation`` asks, then dropped; the parts of metadata
    that belong to the server are dropped without a word.

    Raises:
        BadRequestError: Unknown fields under ``Strict``, or a built-in kind's wrong type.
        InvalidError: A custom kind's wrong type.
    """
    served = call.served
    model = served.resource.model
    data = drop_nulls(body)
    metadata = data.get("metadata")
    if isinstance(metadata, dict):
        for field in _SYSTEM_METADATA:
            metadata.pop(field, None)
    hub = to_hub(call, data)
    if served.structural is not None:
        hub = _by_schema(call, served.structural, hub, duplicates)
    elif call.field_validation != "Ignore":
        report_unknown(call, unknown_fields(model, hub), duplicates)
    custom = served.resource.custom
    try:
        return _validate(model, hub, custom=custom)
    except ValidationError as err:
        raise validation_error(served.gvk, model, hub, err, custom=custom) from err


def _validate(model: type[Object], hub: dict[str, Any], *, custom: bool) -> Object:
    try:
        return model.model_validate(hub)
    except ValidationError as err:
        if custom or not fill_nulls(hub, err):
            raise
    return model.model_validate(hub)


def _by_schema(
    call: Call, schema: StructuralSchema, hub: dict[str, Any], duplicates: Sequence[str]
) -> dict[str, Any]:
    """Prune, default and validate an object of a user's kind."""
    pruned, unknown = schema.prune(hub)
    report_unknown(call, unknown, duplicates)
    complete = schema.default(pruned)
    errors = schema.validate(complete)
    if errors:
        metadata = complete.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else ""
        raise call.invalid(name if isinstance(name, str) else "", list(errors))
    return complete


def to_hub(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    """Convert to the stored version.

    Raises:
        BadRequestError: The object is not of the shape its version has.
    """
    try:
        return call.served.decode(data)
    except (TypeError, AttributeError, KeyError, ValueError, IndexError) as err:
        raise BadRequestError(
            f"converting {call.served.gvk} to {call.served.resource.gvk.version!r} failed: {err}"
        ) from err


def report_unknown(call: Call, unknown: Sequence[str], duplicates: Sequence[str]) -> None:
    """Tell the client about unknown and repeated fields, as it asked for.

    Raises:
        BadRequestError: It asked for strictness.
    """
    if call.field_validation == "Ignore":
        return
    if call.served.resource.allow_unknown:
        unknown = ()
    if not unknown and not duplicates:
        return
    problems = decoding_problems(unknown, duplicates)
    if call.field_validation == "Strict":
        raise strict_error(call.served.gvk, problems, custom=call.served.resource.custom)
    call.warnings.extend(problems)


def parse_stored(call: Call, wire: dict[str, Any]) -> Object:
    """Read what the store holds."""
    return call.served.resource.model.model_validate(wire)
