"""Get and list."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from wakeful.apimachinery.errors import BadRequestError, ExpiredError, NotFoundError
from wakeful.apiserver.registry.call import Call
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.selectors import Selection, parse_selection
from wakeful.apiserver.registry.versions import (
    ContinueToken,
    check_match,
    parse_revision,
    require_reached,
)
from wakeful.storage import Key, Record, Store


class StoredObjects:
    """Reads objects for hooks and for the registry itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, group: str, plural: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """One object, the caller's to change; None when there is none."""
        record = self._store.get(Key(group, plural, namespace, name))
        return record.decode() if record is not None else None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterator[dict[str, Any]]:
        """Objects of a namespace (empty: of all)."""
        for record in self._store.list(group, plural, namespace=namespace):
            yield record.decode()


class Reader:
    """Answers get and list."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, call: Call) -> Response:
        """The object of the URL."""
        request, served = call.request, call.served
        parse_revision(request.params.get("resourceVersion", ""))
        group, plural = served.resource.group_resource
        namespace = request.namespace if served.resource.namespaced else ""
        record = self._store.get(Key(group, plural, namespace, request.name))
        if record is None:
            raise NotFoundError.of(served.plural, served.group, request.name)
        data = record.data if served.is_hub else None
        return Response(served.encode(record.decode()), 200, data, call.warnings, served)

    def list(self, call: Call) -> Response:
        """A page of the collection of the URL."""
        params = call.request.params
        check_match(params, watch=False)
        wanted = parse_revision(params.get("resourceVersion", ""))
        require_reached(wanted, self._store.revision)
        exact = params.get("resourceVersionMatch") == "Exact"
        selection = parse_selection(call.served.resource, params)
        limit = _parse_limit(params.get("limit", ""))
        token = self._token(params)
        revision = token.revision if token else self._store.revision
        if exact and wanted != revision:
            raise ExpiredError(
                f"The provided resource version {wanted} is no longer available exactly;"
                f" current is {revision}"
            )
        after = (token.namespace, token.name) if token else None
        objects = self.select(call, selection, after)
        served = call.served
        items: list[dict[str, Any]] = []
        last: Record | None = None
        more = False
        for record, obj in objects if limit is None else islice(objects, limit + 1):
            if limit is not None and len(items) == limit:
                more = True
                break
            last = record
            items.append(served.encode(obj))
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if more and last is not None:
            key = last.key
            metadata["continue"] = ContinueToken(revision, key.namespace, key.name).encode()
            if not selection:
                metadata["remainingItemCount"] = self._store.count(
                    *served.resource.group_resource,
                    namespace=call.request.namespace,
                    after=(key.namespace, key.name),
                )
        return Response(
            {
                "kind": f"{served.gvk.kind}List",
                "apiVersion": served.gvk.api_version,
                "metadata": metadata,
                "items": items,
            },
            200,
            None,
            call.warnings,
            served,
            is_list=True,
        )

    def select(
        self, call: Call, selection: Selection, after: tuple[str, str] | None = None
    ) -> Iterator[tuple[Record, dict[str, Any]]]:
        """Stored objects of the URL's collection that are meant, decoded."""
        group, plural = call.served.resource.group_resource
        namespace = call.request.namespace if call.served.resource.namespaced else ""
        if selection.name and (namespace or not call.served.resource.namespaced) and after is None:
            record = self._store.get(Key(group, plural, namespace, selection.name))
            records: Iterator[Record] = iter((record,) if record is not None else ())
        else:
            records = self._store.list(group, plural, namespace=namespace, after=after)
        for record in records:
            obj = record.decode()
            if not selection or selection.matches(obj):
                yield record, obj

    def _token(self, params: Any) -> ContinueToken | None:
        text = params.get("continue", "")
        if not text:
            return None
        if params.get("resourceVersion", "") not in ("", "0"):
            raise BadRequestError("specifying resource version is not allowed when using continue")
        return ContinueToken.decode(text, self._store.oldest_revision)


def _parse_limit(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequestError(f"limit {text!r} is not a number of objects")
    return int(text) or None
