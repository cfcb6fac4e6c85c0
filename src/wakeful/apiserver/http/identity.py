"""Who is calling, and as whom."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from wakeful.apimachinery.errors import BadRequestError, UnauthorizedError
from wakeful.apimachinery.request import ANONYMOUS, AUTHENTICATED, UserInfo
from wakeful.apiserver.protocols import AccessAttributes, Authenticator, Credentials
from wakeful.apiserver.registry.core import APIServer

_SERVICE_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"


def authenticate(request: web.Request, authenticator: Authenticator | None) -> UserInfo:
    """Find out who is calling.

    Raises:
        UnauthorizedError: Credentials were given and are not valid.
    """
    if authenticator is None:
        return ANONYMOUS
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    certificate: Any = request.get_extra_info("peercert") or {}
    if not token and not certificate:
        return ANONYMOUS
    user = authenticator.authenticate(Credentials(token, certificate))
    if user is None:
        raise UnauthorizedError
    return user


def impersonate(request: web.Request, user: UserInfo, server: APIServer) -> UserInfo:
    """Become whom the ``Impersonate-*`` headers name, if that is allowed.

    Raises:
        BadRequestError: Headers that need a user come without one.
        ForbiddenError: The caller may not become that user, or a member of that group.
    """
    headers = request.headers
    name = headers.get("Impersonate-User", "")
    groups = headers.getall("Impersonate-Group", [])
    uid = headers.get("Impersonate-Uid", "")
    extra: dict[str, tuple[str, ...]] = {}
    for key in {k.lower() for k in headers}:
        if key.startswith(_EXTRA):
            extra[key.removeprefix(_EXTRA)] = tuple(headers.getall(key))
    if not name:
        if groups or uid or extra:
            raise BadRequestError("impersonation of groups, uid or extra requires Impersonate-User")
        return user

    def require(resource: str, what: str, namespace: str = "", group: str = "") -> None:
        attributes = AccessAttributes(
            "impersonate", group, "v1", resource, namespace=namespace, name=what
        )
        server.authorize(user, attributes)

    if name.startswith(_SERVICE_ACCOUNT) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        require("serviceaccounts", account, namespace)
        if not groups:
            groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    else:
        require("users", name)
    for group in headers.getall("Impersonate-Group", []):
        require("groups", group)
    if uid:
        require("uids", uid, group="authentication.k8s.io")
    for key, values in extra.items():
        for value in values:
            require(f"userextras/{key}", value, group="authentication.k8s.io")
    if name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups = [*groups, AUTHENTICATED]
    return UserInfo(name, tuple(groups), uid, extra)
