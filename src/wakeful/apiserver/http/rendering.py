"""Objects as tables and as bare metadata, and the bytes of answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
import yaml
from aiohttp import web

from wakeful.apimachinery.errors import APIStatusError, BadRequestError
from wakeful.apimachinery.scheme import Column
from wakeful.apimachinery.tables import column_definitions, render_row
from wakeful.apiserver.http.negotiation import JSON, YAML, Accepted, Form
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.served import Served

INCLUDES = ("", "None", "Metadata", "Object")


class Renderer:
    """Shows objects in the form one request accepts."""

    def __init__(self, accepted: Accepted, include: str, now: datetime) -> None:
        if include not in INCLUDES:
            raise BadRequestError(
                f"includeObject {include!r} is not one of None, Metadata and Object"
            )
        self._accepted, self._include, self._now = accepted, include or "Metadata", now

    @property
    def is_plain(self) -> bool:
        """Whether objects are shown as they are."""
        return self._accepted.form is Form.OBJECT

    def show(self, response: Response) -> dict[str, Any]:
        """The body of an answer."""
        served = response.served
        if served is None or self.is_plain:
            return response.object
        if response.is_list:
            return self._show_list(served, response.object)
        return self.show_object(served, response.object, first=True)

    def show_object(self, served: Served, obj: dict[str, Any], *, first: bool) -> dict[str, Any]:
        """One object; tables name their columns the ``first`` time only."""
        if self._accepted.form is Form.METADATA:
            return self._partial(obj)
        version = obj["metadata"].get("resourceVersion", "")
        return self._table(served, [obj], {"resourceVersion": version}, columns=first)

    def show_bookmark(self, served: Served, obj: dict[str, Any]) -> dict[str, Any]:
        """A bookmark: nothing but a version."""
        if self._accepted.form is Form.METADATA:
            return self._partial(obj)
        if self._accepted.form is Form.TABLE:
            return self._table(served, [], obj["metadata"], columns=False)
        return obj

    def _show_list(self, served: Served, obj: dict[str, Any]) -> dict[str, Any]:
        if self._accepted.form is Form.TABLE:
            return self._table(served, obj["items"], obj["metadata"], columns=True)
        return self._partial_list(obj)

    def _partial_list(self, obj: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{self._accepted.version}",
            "metadata": obj["metadata"],
            "items": [self._partial(item) for item in obj["items"]],
        }

    def _partial(self, obj: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{self._accepted.version}",
            "metadata": obj["metadata"],
        }

    def show_columns(self, columns: Sequence[Column], answer: dict[str, Any]) -> dict[str, Any]:
        """An object, or a list of some, of a kind that is not in the scheme."""
        items = answer.get("items")
        if self._accepted.form is Form.OBJECT:
            return answer
        if self._accepted.form is Form.TABLE:
            shown = [(item, item) for item in ([answer] if items is None else items)]
            return self._rows(columns, shown, answer["metadata"], named=True)
        return self._partial(answer) if items is None else self._partial_list(answer)

    def _table(
        self,
        served: Served,
        items: Iterable[dict[str, Any]],
        metadata: dict[str, Any],
        *,
        columns: bool,
    ) -> dict[str, Any]:
        shown = ((item, item if served.is_hub else served.decode(item)) for item in items)
        return self._rows(served.resource.columns, shown, metadata, named=columns)

    def _rows(
        self,
        shown: Sequence[Column],
        items: Iterable[tuple[dict[str, Any], dict[str, Any]]],
        metadata: dict[str, Any],
        *,
        named: bool,
    ) -> dict[str, Any]:
        """A table; each item comes as it is sent and as its cells are read from."""
        rows: list[dict[str, Any]] = []
        for item, hub in items:
            row: dict[str, Any] = {"cells": render_row(shown, hub, self._now)}
            if self._include == "Object":
                row["object"] = item
            elif self._include == "Metadata":
                row["object"] = self._partial(item)
            else:
                row["object"] = None
            rows.append(row)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self._accepted.version}",
            "metadata": metadata,
            "columnDefinitions": column_definitions(shown) if named else None,
            "rows": rows,
        }


def respond(response: Response, renderer: Renderer, accepted: Accepted) -> web.Response:
    """Encode an answer."""
    if accepted.yaml:
        text = yaml.safe_dump(renderer.show(response), sort_keys=True)
        answer = web.Response(body=text.encode(), status=response.code, content_type=YAML)
    else:
        body = response.data if renderer.is_plain else None
        if body is None:
            body = orjson.dumps(renderer.show(response))
        answer = web.Response(body=body, status=response.code, content_type=JSON)
    add_warnings(answer, response.warnings)
    return answer


def respond_with(shown: dict[str, Any], accepted: Accepted, code: int) -> web.Response:
    """Encode what was rendered already."""
    if accepted.yaml:
        text = yaml.safe_dump(shown, sort_keys=True)
        return web.Response(body=text.encode(), status=code, content_type=YAML)
    return web.Response(body=orjson.dumps(shown), status=code, content_type=JSON)


def add_warnings(answer: web.StreamResponse, warnings: Iterable[str]) -> None:
    """One ``Warning`` header for each distinct text."""
    for text in dict.fromkeys(warnings):
        answer.headers.add("Warning", f'299 - "{_quotable(text)}"')


def _quotable(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)[:1024]
    return printable.replace("\\", "\\\\").replace('"', '\\"')


def status_response(error: APIStatusError) -> web.Response:
    """Encode an error."""
    answer = web.Response(
        body=orjson.dumps(error.to_status(), default=str),
        status=int(error.code),
        content_type=JSON,
    )
    retry = error.details.get("retryAfterSeconds")
    if retry:
        answer.headers["Retry-After"] = str(retry)
    return answer
