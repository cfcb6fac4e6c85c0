"""Proving who we are to a registry: basic and bearer challenges, tokens kept while they last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from wakeful.aio import Clock, SystemClock
from wakeful.oci.credentials import Credential
from wakeful.oci.errors import RegistryUnavailableError, UnauthorizedError

_TOKEN = re.compile(r"""([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z]+)(?=[\s,]|$)""")
_SHORTEST_LIFE_SECONDS = 60
_EARLY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Challenge:
    """One ``WWW-Authenticate`` demand."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(header: str) -> Challenge | None:
    """Read the first demand we can meet, bearer before basic."""
    found: dict[str, Challenge] = {}
    parameters: dict[str, str] = {}
    for name, quoted, bare, scheme in _TOKEN.findall(header):
        if scheme:
            parameters = {}
            found.setdefault(scheme.lower(), Challenge(scheme.lower(), parameters))
        else:
            parameters[name.lower()] = quoted or bare
    return found.get("bearer") or found.get("basic")


class Authenticator:
    """Answers challenges, one token for each realm, service, scope and credential."""

    def __init__(self, session: aiohttp.ClientSession, *, clock: Clock | None = None) -> None:
        self._session, self._clock = session, clock or SystemClock()
        self._tokens: dict[tuple[str, str, str, Credential | None], tuple[str, float]] = {}

    async def authorize(
        self, challenge: Challenge, scope: str, credential: Credential | None, *, image: str
    ) -> str:
        """Return the ``Authorization`` header that ``challenge`` asks for.

        Raises:
            UnauthorizedError: The credential is missing or refused.
            RegistryUnavailableError: The token service cannot be reached.
        """
        if credential is not None and credential.registry_token:
            return f"Bearer {credential.registry_token}"
        if challenge.scheme == "basic":
            if credential is None:
                raise UnauthorizedError(image, "the registry asks for a user name and password")
            return aiohttp.encode_basic_auth(credential.username, credential.password)
        realm = challenge.parameters.get("realm", "")
        if not realm.startswith(("http://", "https://")):
            raise RegistryUnavailableError(image, f"the registry names no token service: {realm!r}")
        service = challenge.parameters.get("service", "")
        key = (realm, service, scope, credential)
        token, expires = self._tokens.get(key, ("", 0.0))
        if not token or self._clock.monotonic() >= expires:
            token, life = await self._fetch(realm, service, scope, credential, image)
            self._tokens[key] = (token, self._clock.monotonic() + life - _EARLY_SECONDS)
        return f"Bearer {token}"

    async def _fetch(
        self, realm: str, service: str, scope: str, credential: Credential | None, image: str
    ) -> tuple[str, float]:
        fields = {"service": service, "scope": scope}
        fields = {key: value for key, value in fields.items() if value}
        try:
            if credential is not None and credential.identity_token:
                fields |= {
                    "grant_type": "refresh_token",
                    "refresh_token": credential.identity_token,
                    "client_id": "wakeful",
                }
                request = self._session.post(realm, data=fields)
            else:
                headers = {}
                if credential is not None:
                    basic = aiohttp.encode_basic_auth(credential.username, credential.password)
                    headers["Authorization"] = basic
                request = self._session.get(realm, params=fields, headers=headers)
            async with request as response:
                if response.status in (400, 401, 403):
                    raise UnauthorizedError(
                        image, "the registry's token service refuses it", status=response.status
                    )
                if response.status != 200:
                    raise RegistryUnavailableError(
                        image, f"{realm}: status {response.status}", status=response.status
                    )
                wire = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise RegistryUnavailableError(image, f"{realm}: {words_of(error)}") from error
        token = wire.get("token") or wire.get("access_token") if isinstance(wire, dict) else None
        if not isinstance(token, str) or not token:
            raise RegistryUnavailableError(image, f"{realm}: an answer without a token")
        life = wire.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) else 0.0
        return token, max(seconds, _SHORTEST_LIFE_SECONDS)


def words_of(error: Exception) -> str:
    """What went wrong on the way to a server, without the names of our own parts."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error.strerror or str(error.os_error)
        return f"cannot connect to {error.host}:{error.port}: {cause}"
    return str(error) or type(error).__name__
