"""Subresources that are posted to: tokens of service accounts, evictions of pods."""

from __future__ import annotations

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


class TokenRequests:
    """Answers ``serviceaccounts/NAME/token``."""

    def __init__(self, writer: Writer, tokens: TokenIssuer | None) -> None:
        self._writer, self._tokens = writer, tokens

    def create(self, call: Call) -> Response:
        """Issue a token for the account of the URL."""
        account = self._writer.current(call).decode()
        if self._tokens is None:
            raise ServiceUnavailableError("this server issues no tokens")
        body = require_object(call.request.body)
        spec = body.get("spec") or {}
        if not isinstance(spec, dict):
            raise BadRequestError("TokenRequest.spec must be an object")
        audiences = spec.get("audiences") or []
        if not isinstance(audiences, list) or not all(isinstance(a, str) for a in audiences):
            raise BadRequestError("TokenRequest.spec.audiences must be a list of strings")
        seconds = spec.get("expirationSeconds")
        if seconds is None:
            seconds = DEFAULT_SECONDS
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise BadRequestError("TokenRequest.spec.expirationSeconds must be an integer")
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise call.invalid(
                call.request.name,
                [
                    invalid(
                        "spec.expirationSeconds",
                        seconds,
                        "may not specify a duration less than 10 minutes"
                        if seconds < SHORTEST_SECONDS
                        else "may not specify a duration larger than 2^32 seconds",
                    )
                ],
            )
        bound = spec.get("boundObjectRef") or {}
        if not isinstance(bound, dict) or not all(isinstance(v, str) for v in bound.values()):
            raise BadRequestError("TokenRequest.spec.boundObjectRef must be a reference")
        if bound and bound.get("kind") not in ("Pod", "Secret", "Node"):
            fault = not_supported(
                "spec.boundObjectRef.kind", bound.get("kind"), ["Node", "Pod", "Secret"]
            )
            raise call.invalid(call.request.name, [fault])
        metadata = account["metadata"]
        issued = self._tokens.issue(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            audiences=audiences,
            seconds=min(seconds, 365 * 24 * 3600),
            bound_object=bound or None,
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
                "audiences": audiences,
                "expirationSeconds": seconds,
                "boundObjectRef": bound or None,
            },
            "status": {
                "token": issued.token,
                "expirationTimestamp": format_time(issued.expires),
            },
        }
        return Response(answer, 201, None, call.warnings)


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
