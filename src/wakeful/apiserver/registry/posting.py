"""Subresources that are posted to: tokens of service accounts, evictions of pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery.errors import BadRequestError, ServiceUnavailableError
from wakeful.apimachinery.fields import invalid, not_supported
from wakeful.apimachinery.meta import format_time
from wakeful.apiserver.protocols import TokenIssuer
from wakeful.apiserver.registry.call import Call, require_object
from wakeful.apiserver.registry.deletion import Deleter, parse_delete_options
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.writing import Writer

DEFAULT_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 3600, 600, 2**32
_BINDABLE = ("Node", "Pod", "Secret")


class TokenRequests:
    """Answers ``serviceaccounts/NAME/token``."""

    def __init__(self, writer: Writer, tokens: TokenIssuer | None) -> None:
        self._writer, self._tokens = writer, tokens

    def create(self, call: Call) -> Response:
        """Issue a token for the account of the URL."""
        account = self._writer.current(call).decode()
        if self._tokens is None:
            raise ServiceUnavailableError("this server issues no tokens")
        wish = _read_wish(call)
        metadata = account["metadata"]
        issued = self._tokens.issue(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            audiences=wish.audiences,
            seconds=min(wish.seconds, 365 * 24 * 3600),
            bound_object=wish.bound,
        )
        answer: dict[str, Any] = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "creationTimestamp": format_time(call.now),
            },
            "spec": {
                "audiences": wish.audiences,
                "expirationSeconds": wish.seconds,
                "boundObjectRef": wish.bound,
            },
            "status": {
                "token": issued.token,
                "expirationTimestamp": format_time(issued.expires),
            },
        }
        return Response(answer, 201, None, call.warnings)


@dataclass(frozen=True, slots=True)
class _TokenWish:
    """What the body of a request for a token asks for."""

    audiences: list[str]
    seconds: int
    bound: dict[str, str] | None


def _read_wish(call: Call) -> _TokenWish:
    spec = require_object(call.request.body).get("spec") or {}
    if not isinstance(spec, dict):
        raise BadRequestError("TokenRequest.spec must be an object")
    audiences = spec.get("audiences") or []
    if not isinstance(audiences, list) or not all(isinstance(a, str) for a in audiences):
        raise BadRequestError("TokenRequest.spec.audiences must be a list of strings")
    seconds = _read_seconds(call, spec.get("expirationSeconds"))
    return _TokenWish(audiences, seconds, _read_bound(call, spec.get("boundObjectRef") or {}))


def _read_seconds(call: Call, seconds: Any) -> int:
    if seconds is None:
        return DEFAULT_SECONDS
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise BadRequestError("TokenRequest.spec.expirationSeconds must be an integer")
    if SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        return seconds
    bound = "less than 10 minutes" if seconds < SHORTEST_SECONDS else "larger than 2^32 seconds"
    text = f"may not specify a duration {bound}"
    raise call.invalid(call.request.name, [invalid("spec.expirationSeconds", seconds, text)])


def _read_bound(call: Call, bound: Any) -> dict[str, str] | None:
    if not isinstance(bound, dict) or not all(isinstance(v, str) for v in bound.values()):
        raise BadRequestError("TokenRequest.spec.boundObjectRef must be a reference")
    if bound and bound.get("kind") not in _BINDABLE:
        fault = not_supported("spec.boundObjectRef.kind", bound.get("kind"), _BINDABLE)
        raise call.invalid(call.request.name, [fault])
    return bound or None


class Evictions:
    """Answers ``pods/NAME/eviction``."""

    def __init__(self, writer: Writer, deleter: Deleter) -> None:
        self._writer, self._deleter = writer, deleter

    def create(self, call: Call) -> Response:
        """Delete the pod of the URL, as a drain asks for it."""
        body = require_object(call.request.body)
        metadata = body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if name not in (None, "", call.request.name):
            raise BadRequestError("name in URL does not match name in Eviction object")
        options = parse_delete_options(body.get("deleteOptions"), call.request.params)
        self._deleter.delete_record(call, self._writer.current(call), options)
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return Response(status, 201, None, call.warnings)
