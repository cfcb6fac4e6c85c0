"""One API request, apart from how it travels.

The HTTP server decodes into it, the in-process transport builds it directly; authentication is
already done (:class:`UserInfo`), authorization and admission come after.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from wakeful.apimachinery.watch import RawWatchEvent


class Verb(StrEnum):
    """Verbs as RBAC names them."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"
    DELETE_COLLECTION = "deletecollection"


class PatchType(StrEnum):
    """Content types of PATCH."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


SYSTEM_MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = UserInfo("system:anonymous", (UNAUTHENTICATED,))


@dataclass(frozen=True, slots=True)
class APIRequest:
    """What is asked of which resource.

    ``params`` are the query parameters with a meaning (``labelSelector``, ``fieldManager``,
    ``resourceVersion``, ``propagationPolicy`` …), one value each. ``body`` is decoded JSON: an
    object, a patch (list or object), DeleteOptions, or None.
    """

    verb: Verb
    group: str
    version: str
    resource: str
    """Plural."""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Any = None
    patch_type: PatchType | None = None
    params: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """The wire between clients and an API server: HTTP, or a call within the process.

    Errors come as :class:`~wakeful.apimachinery.errors.APIStatusError`.
    """

    async def call(self, request: APIRequest) -> dict[str, Any]:
        """Answer one request other than a watch."""
        ...

    def watch(
        self, request: APIRequest
    ) -> AbstractAsyncContextManager[AsyncIterator[RawWatchEvent]]:
        """Open a watch; events flow until the server or the caller closes it."""
        ...
