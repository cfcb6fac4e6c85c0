"""From credentials to users."""

from __future__ import annotations

import csv
import hmac
import io
from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.apimachinery.request import ANONYMOUS, AUTHENTICATED, UserInfo
from wakeful.apiserver.protocols import Authenticator, Credentials


class CertificateAuthenticator:
    """Client certificates: the common name is the user, organizations are groups.

    That the certificate was signed by our authority, TLS has checked already.
    """

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Say whom the certificate names; None when it names nobody."""
        names = _subject(credentials.certificate)
        user = next(iter(names.get("commonName", ())), "")
        if not user:
            return None
        groups = tuple(names.get("organizationName", ()))
        return UserInfo(user, _with_authenticated(groups))


def _subject(certificate: Mapping[str, Any]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for key, value in part:
            names.setdefault(key, []).append(value)
    return names


def _with_authenticated(groups: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*groups, AUTHENTICATED)))


class StaticTokens:
    """Bearer tokens known from the start."""

    def __init__(self, users: Mapping[str, UserInfo]) -> None:
        self._users = {token.encode(): user for token, user in users.items()}

    @classmethod
    def parse(cls, text: str) -> StaticTokens:
        """Read Kubernetes' token file: ``token,user,uid[,"group1,group2"]`` a line.

        Raises:
            ValueError: A line has fewer than three columns, or an empty token or user.
        """
        users: dict[str, UserInfo] = {}
        for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
            columns = [column.strip() for column in row]
            if not any(columns) or columns[0].startswith("#"):
                continue
            if len(columns) < 3 or not columns[0] or not columns[1]:
                raise ValueError(f"token file line {number}: token, user and uid are expected")
            groups = [g.strip() for g in (columns[3] if len(columns) > 3 else "").split(",")]
            users[columns[0]] = UserInfo(
                columns[1], _with_authenticated([g for g in groups if g]), columns[2]
            )
        return cls(users)

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Say whose token it is; None when nobody's."""
        given = credentials.token.encode(errors="surrogateescape")
        found = None
        for token, user in self._users.items():
            # Every token is compared, and in constant time: timing tells nothing.
            if hmac.compare_digest(token, given):
                found = user
        return found


class ChainAuthenticator:
    """Asks several authenticators; the first that knows the caller decides."""

    def __init__(self, *authenticators: Authenticator) -> None:
        self._authenticators = authenticators

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Say who calls; None when credentials were given and nobody accepts them."""
        if not credentials.token and not credentials.certificate:
            return ANONYMOUS
        for authenticator in self._authenticators:
            user = authenticator.authenticate(credentials)
            if user is not None:
                return user
        return None
