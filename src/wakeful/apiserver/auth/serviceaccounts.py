"""Tokens of service accounts: issued for one account, valid while it and its binding exist."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from wakeful.aio import Clock
from wakeful.apimachinery.request import AUTHENTICATED, UserInfo
from wakeful.apiserver.protocols import Credentials, IssuedToken
from wakeful.pki import Claims, InvalidTokenError, TokenIssuer

UidLookup = Callable[[str, str, str], "str | None"]
"""``(plural, namespace, name)`` of a core kind to the uid it has now; None when it is gone."""

SERVICE_ACCOUNTS_GROUP = "system:serviceaccounts"
_CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
_POD_NAME = "authentication.kubernetes.io/pod-name"
_POD_UID = "authentication.kubernetes.io/pod-uid"
_BINDABLE = {"pod": "pods", "secret": "secrets", "node": "nodes"}
_REMEMBERED = 1024


class ServiceAccountTokens:
    """Plays both roles: the API server's issuer, and an authenticator of the chain.

    Signatures are checked once; that account and bound object still are who they were, always.
    """

    def __init__(self, issuer: TokenIssuer, uid_of: UidLookup, clock: Clock) -> None:
        self._issuer, self._uid_of, self._clock = issuer, uid_of, clock
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def issue(
        self,
        *,
        namespace: str,
        name: str,
        uid: str,
        audiences: Sequence[str] = (),
        seconds: int = 3600,
        bound_object: Mapping[str, str] | None = None,
    ) -> IssuedToken:
        """Sign a token; ``bound_object`` is the request's ``boundObjectRef``."""
        bound: dict[str, dict[str, str]] = {}
        if bound_object:
            reference = {k: bound_object[k] for k in ("name", "uid") if bound_object.get(k)}
            bound[bound_object.get("kind", "").lower()] = reference
        token, expires = self._issuer.issue(
            namespace,
            name,
            uid,
            now=self._clock.now(),
            lifetime=timedelta(seconds=seconds),
            audiences=audiences,
            bound=bound,
        )
        return IssuedToken(token, expires)

    def review(self, token: str, audiences: Sequence[str] = ()) -> UserInfo | None:
        """Whom a token speaks for; None when it is not valid."""
        claims = self._claims(token, audiences)
        if claims is None or not self._still_there(claims):
            return None
        return _user(claims)

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Say whose token it is; None when nobody's."""
        return self.review(credentials.token) if credentials.token else None

    def _claims(self, token: str, audiences: Sequence[str]) -> Claims | None:
        now = self._clock.now()
        if not audiences:
            known = self._verified.get(token)
            if known is not None:
                self._verified.move_to_end(token)
                return known if now < known.expires else None
        try:
            claims = self._issuer.verify(token, now=now, audiences=audiences)
        except InvalidTokenError:
            return None
        if not audiences:
            self._verified[token] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return claims

    def _still_there(self, claims: Claims) -> bool:
        if self._uid_of("serviceaccounts", claims.namespace, claims.name) != claims.uid:
            return False
        for kind, reference in (claims.bound or {}).items():
            plural = _BINDABLE.get(kind)
            if plural is None:
                continue
            namespace = "" if kind == "node" else claims.namespace
            current = self._uid_of(plural, namespace, reference.get("name", ""))
            if current is None or reference.get("uid", current) != current:
                return False
        return True


def _user(claims: Claims) -> UserInfo:
    extra: dict[str, tuple[str, ...]] = {}
    if claims.token_id:
        extra[_CREDENTIAL_ID] = (f"JTI={claims.token_id}",)
    pod = (claims.bound or {}).get("pod")
    if pod:
        extra[_POD_NAME] = (pod.get("name", ""),)
        extra[_POD_UID] = (pod.get("uid", ""),)
    groups = (
        SERVICE_ACCOUNTS_GROUP,
        f"{SERVICE_ACCOUNTS_GROUP}:{claims.namespace}",
        AUTHENTICATED,
    )
    return UserInfo(claims.subject, groups, claims.uid, extra)
