"""Questions that are asked by creating an object: may I, who am I, whose token is this."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import FieldError, invalid
from wakeful.apimachinery.request import UserInfo
from wakeful.apimachinery.scheme import Resource
from wakeful.apiserver.protocols import AccessAttributes, Authorizer, TokenIssuer
from wakeful.apiserver.registry.call import Call
from wakeful.apiserver.registry.codec import decode_body, to_model
from wakeful.apiserver.registry.response import Response

_GROUPS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


def is_review(resource: Resource) -> bool:
    """Whether objects of the kind are answered instead of stored."""
    return resource.group in _GROUPS


class Reviewer:
    """Answers reviews."""

    def __init__(self, authorizer: Authorizer, tokens: TokenIssuer | None) -> None:
        self._authorizer, self._tokens = authorizer, tokens

    def review(self, call: Call) -> Response:
        """Answer the review in the body."""
        obj = to_model(call, decode_body(call))
        wire = obj.to_wire()
        wire.setdefault("metadata", {})["creationTimestamp"] = None
        spec = wire.get("spec") or {}
        match call.served.gvk.kind:
            case "SelfSubjectReview":
                status: dict[str, Any] = {"userInfo": _user_info(call.user)}
            case "SelfSubjectRulesReview":
                resources, others = self._authorizer.rules(call.user, spec.get("namespace", ""))
                status = {
                    "resourceRules": resources,
                    "nonResourceRules": others,
                    "incomplete": False,
                }
            case "SelfSubjectAccessReview":
                status = self._decide(call, call.user, spec)
            case "SubjectAccessReview" | "LocalSubjectAccessReview":
                status = self._decide(call, self._subject(call, spec), spec)
            case "TokenReview":
                status = self._token(spec)
            case kind:
                raise BadRequestError(f"{kind} cannot be created")
        return Response(call.served.encode(wire | {"status": status}), 201, None, call.warnings)

    def _decide(self, call: Call, user: UserInfo, spec: dict[str, Any]) -> dict[str, Any]:
        resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if (resource is None) == (other is None):
            raise call.invalid(
                "",
                [
                    invalid(
                        "spec.resourceAttributes",
                        resource,
                        "exactly one of nonResourceAttributes or resourceAttributes must be"
                        " specified",
                    )
                ],
            )
        if resource is not None:
            attributes = AccessAttributes(
                resource.get("verb", ""),
                resource.get("group", ""),
                resource.get("version", ""),
                resource.get("resource", ""),
                resource.get("subresource", ""),
                resource.get("namespace", ""),
                resource.get("name", ""),
            )
            if call.request.namespace and attributes.namespace != call.request.namespace:
                raise call.invalid(
                    "",
                    [
                        invalid(
                            "spec.resourceAttributes.namespace",
                            attributes.namespace,
                            "must match metadata.namespace",
                        )
                    ],
                )
        else:
            assert other is not None
            attributes = AccessAttributes(other.get("verb", ""), path=other.get("path") or "/")
        decision = self._authorizer.authorize(user, attributes)
        status: dict[str, Any] = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        return status

    def _subject(self, call: Call, spec: dict[str, Any]) -> UserInfo:
        name, groups = spec.get("user", ""), spec.get("groups") or []
        if not name and not groups:
            fault: FieldError = invalid(
                "spec.user", "", "at least one of user or group must be specified"
            )
            raise call.invalid("", [fault])
        extra = {k: tuple(v) for k, v in (spec.get("extra") or {}).items()}
        return UserInfo(name, tuple(groups), spec.get("uid", ""), extra)

    def _token(self, spec: dict[str, Any]) -> dict[str, Any]:
        audiences = spec.get("audiences") or []
        token = spec.get("token", "")
        user = self._tokens.review(token, audiences) if self._tokens and token else None
        if user is None:
            return {"authenticated": False, "error": "token is invalid", "user": {}}
        status: dict[str, Any] = {"authenticated": True, "user": _user_info(user)}
        if audiences:
            status["audiences"] = audiences
        return status


def _user_info(user: UserInfo) -> dict[str, Any]:
    info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {k: list(v) for k, v in user.extra.items()}
    return info
