"""Server-side apply: the manager states what it wants, the server merges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from wakeful.apimachinery.errors import BadRequestError, ConflictError, NotFoundError
from wakeful.apimachinery.managedfields import align, apply, check_config, check_manager
from wakeful.apimachinery.meta import drop_nulls
from wakeful.apimachinery.pruning import prune
from wakeful.apiserver.registry.call import Call, Tracking, require_object
from wakeful.apiserver.registry.codec import report_unknown, to_hub, to_model
from wakeful.apiserver.registry.ownership import shape_for
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.served import Served
from wakeful.apiserver.registry.writing import Writer
from wakeful.storage import Record


class Applier:
    """Applies configurations to objects of every kind."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def apply(self, call: Call, duplicates: tuple[str, ...] = ()) -> Response:
        """Merge the body into the object of the URL, or create it."""
        request = call.request
        check_manager(request.params.get("fieldManager", ""), required=True)
        config = self._config(call, duplicates)
        try:
            record: Record | None = self._writer.current(call)
        except NotFoundError:
            if request.subresource or config["metadata"].get("uid"):
                raise
            record = None
        live = record.decode() if record is not None else None
        merged = apply(
            live,
            config,
            manager=call.field_manager,
            now=call.now,
            shape=shape_for(call.served),
            force=request.params.get("force", "") in ("true", "1"),
            subresource=request.subresource,
        )
        call.tracking = Tracking.DONE
        call.field_validation = "Ignore"  # reported already
        call.served = _hub(call.served)
        if record is None:
            return self._create(call, merged)
        if merged["metadata"].get("uid") != record.decode()["metadata"]["uid"]:
            raise ConflictError.of(
                call.served.plural, call.served.group, request.name, "the uid is another object's"
            )
        return self._writer.replace(call, record, to_model(call, merged))

    def _create(self, call: Call, merged: dict[str, Any]) -> Response:
        if call.served.resource.has_status:
            merged.pop("status", None)
        obj = to_model(call, merged)
        self._writer.place(call, obj)
        return self._writer.create_object(call, obj)

    def _config(self, call: Call, duplicates: tuple[str, ...]) -> dict[str, Any]:
        """The configuration in the stored version, without unknown fields, values canonical."""
        request, served = call.request, call.served
        body = require_object(request.body)
        check_config(body)
        if body["apiVersion"] != served.gvk.api_version or body["kind"] != served.gvk.kind:
            raise BadRequestError(
                f"the object applied is {body['apiVersion']}, Kind={body['kind']}, the URL names"
                f" {served.gvk}"
            )
        metadata = body.get("metadata")
        if not isinstance(metadata, dict):
            metadata = {}
        for field, expected in (("name", request.name), ("namespace", request.namespace)):
            if metadata.get(field) not in (None, "", expected):
                raise BadRequestError(
                    f"the {field} of the provided object ({metadata[field]}) does not match the"
                    f" {field} sent on the request ({expected})"
                )
        named = {"name": request.name}
        if served.resource.namespaced:
            named["namespace"] = request.namespace
        config = to_hub(call, drop_nulls(body | {"metadata": metadata | named}))
        model = served.resource.model
        if served.structural is not None:
            config, unknown = served.structural.prune(config)
        else:
            config, unknown = prune(model, config)
        report_unknown(call, unknown, duplicates)
        try:
            canonical = model.model_validate(config).to_wire()
        except ValidationError:
            return config  # refused, with words, when the merged object is read
        aligned: dict[str, Any] = align(config, canonical)
        return aligned


def _hub(served: Served) -> Served:
    """The stored version; answers are converted by it, too."""
    return replace(served, gvk=served.resource.gvk, to_hub=None, from_hub=None)
