"""The error tree, on one page.

::

    WakefulError
    ├── TerminalError          a reconcile that retrying cannot mend
    └── APIStatusError         anything the API answers with a Status object
        ├── BadRequestError            400
        ├── UnauthorizedError          401
        ├── ForbiddenError             403
        ├── NotFoundError              404
        ├── MethodNotAllowedError      405
        ├── NotAcceptableError         406
        ├── AlreadyExistsError         409
        ├── ConflictError              409
        ├── ExpiredError               410
        ├── UnsupportedMediaTypeError  415
        ├── InvalidError               422
        ├── TooManyRequestsError       429
        ├── InternalServerError        500
        ├── ServiceUnavailableError    503
        └── TimedOutError              504
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar


class WakefulError(Exception):
    """Root of every error this package raises on purpose."""


class TerminalError(WakefulError):
    """Retrying will not help; the object itself has to change first."""


class APIStatusError(WakefulError):
    """An answer of the API that is not a success, in the shape of ``meta/v1 Status``.

    ``details`` follows ``StatusDetails``: name, group, kind, uid, causes, retryAfterSeconds.
    """

    code: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    reason: ClassVar[str] = ""

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})

    def to_status(self) -> dict[str, Any]:
        """Return the wire form of the Status."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        status["code"] = int(self.code)
        return status


def _about(resource: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if resource:
        details["kind"] = resource
    return details


def qualified(resource: str, group: str) -> str:
    """``services.serving.knative.dev``; just the plural for the core group."""
    return f"{resource}.{group}" if group else resource


class BadRequestError(APIStatusError):
    """The request cannot be understood."""

    code, reason = HTTPStatus.BAD_REQUEST, "BadRequest"


class UnauthorizedError(APIStatusError):
    """Nobody we know asked."""

    code, reason = HTTPStatus.UNAUTHORIZED, "Unauthorized"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class ForbiddenError(APIStatusError):
    """Known, but not allowed."""

    code, reason = HTTPStatus.FORBIDDEN, "Forbidden"


class NotFoundError(APIStatusError):
    """There is no such object, or no such resource."""

    code, reason = HTTPStatus.NOT_FOUND, "NotFound"

    @classmethod
    def of(cls, resource: str, group: str, name: str) -> NotFoundError:
        """Name the missing object the way clients expect: by its plural."""
        return cls(
            f'{qualified(resource, group)} "{name}" not found',
            details=_about(resource, group, name),
        )


class MethodNotAllowedError(APIStatusError):
    """The resource does not offer this verb."""

    code, reason = HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed"


class NotAcceptableError(APIStatusError):
    """None of the media types asked for can be produced."""

    code, reason = HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable"


class AlreadyExistsError(APIStatusError):
    """An object of that name is there already."""

    code, reason = HTTPStatus.CONFLICT, "AlreadyExists"

    @classmethod
    def of(cls, resource: str, group: str, name: str) -> AlreadyExistsError:
        """Name the object that is in the way."""
        return cls(
            f'{qualified(resource, group)} "{name}" already exists',
            details=_about(resource, group, name),
        )


class ConflictError(APIStatusError):
    """The object changed since it was read; read it again, then retry."""

    code, reason = HTTPStatus.CONFLICT, "Conflict"

    @classmethod
    def of(cls, resource: str, group: str, name: str, why: str = "") -> ConflictError:
        """Word the conflict as upstream does; ``why`` replaces the usual explanation."""
        why = why or (
            "the object has been modified; please apply your changes to the latest version"
            " and try again"
        )
        return cls(
            f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
            details=_about(resource, group, name),
        )


class ExpiredError(APIStatusError):
    """The version asked for has been compacted away; list again."""

    code, reason = HTTPStatus.GONE, "Expired"


class UnsupportedMediaTypeError(APIStatusError):
    """The body's content type is not understood here."""

    code, reason = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"


class InvalidError(APIStatusError):
    """The object is well-formed but breaks a rule; ``causes`` say which, field by field."""

    code, reason = HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid"

    @classmethod
    def of(
        cls, kind: str, group: str, name: str, causes: Sequence[Mapping[str, str]]
    ) -> InvalidError:
        """Build the 422 that kubectl prints as ``The Kind "name" is invalid: …``.

        ``causes`` are ``{reason, message, field}``; a message does not repeat its field.
        """
        texts = [
            f"{c['field']}: {c['message']}" if c.get("field") else c["message"] for c in causes
        ]
        text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
        details = _about(kind, group, name)
        details["causes"] = [dict(c) for c in causes]
        return cls(f'{qualified(kind, group)} "{name}" is invalid: {text}', details=details)


class TooManyRequestsError(APIStatusError):
    """Come back after ``details.retryAfterSeconds``."""

    code, reason = HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests"


class InternalServerError(APIStatusError):
    """Our fault."""

    code, reason = HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"


class InsufficientStorageError(APIStatusError):
    """There is no room for what was sent."""

    code, reason = HTTPStatus.INSUFFICIENT_STORAGE, "InsufficientStorage"


class ServiceUnavailableError(APIStatusError):
    """Cannot be done right now."""

    code, reason = HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable"


class TimedOutError(APIStatusError):
    """Could not be done in time."""

    code, reason = HTTPStatus.GATEWAY_TIMEOUT, "Timeout"


_BY_REASON: dict[str, type[APIStatusError]] = {
    cls.reason: cls for cls in APIStatusError.__subclasses__() if cls.reason
}
_BY_CODE: dict[int, type[APIStatusError]] = {
    int(cls.code): cls for cls in reversed(APIStatusError.__subclasses__())
}


def error_from_status(status: Mapping[str, Any], http_code: int) -> APIStatusError:
    """Turn a Status object received from a server back into the error it stands for."""
    cls = _BY_REASON.get(status.get("reason", "")) or _BY_CODE.get(http_code, APIStatusError)
    error = cls.__new__(cls)
    APIStatusError.__init__(
        error, status.get("message") or f"HTTP {http_code}", details=status.get("details")
    )
    return error
