"""Who to be at which registry: docker's config.json, and Kubernetes secrets of the same form."""

from __future__ import annotations

import base64
import binascii
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from wakeful.oci.reference import DEFAULT_REGISTRY, Reference

_DOCKER_HUB = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A name and password, or a token that replaces them."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token."""
    registry_token: str = field(default="", repr=False)
    """A bearer token to be sent as it is."""


@dataclass(frozen=True, slots=True)
class Keychain:
    """Credentials by registry; the most specific entry that matches an image wins."""

    entries: tuple[tuple[str, Credential], ...] = ()

    @classmethod
    def from_docker_config(cls, wire: Mapping[str, Any]) -> Keychain:
        """Read ``{"auths": {…}}``, or the bare map of the old ``.dockercfg``."""
        auths = wire.get("auths", wire)
        if not isinstance(auths, Mapping):
            return cls()
        found = ((str(key), _credential(value)) for key, value in auths.items())
        return cls(tuple((key, credential) for key, credential in found if credential))

    @classmethod
    def from_file(cls, path: Path) -> Keychain:
        """Read a docker ``config.json``; a missing or unreadable one holds no credentials."""
        try:
            wire = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return cls()
        return cls.from_docker_config(wire) if isinstance(wire, dict) else cls()

    @classmethod
    def from_secret(cls, secret_type: str, data: Mapping[str, bytes]) -> Keychain:
        """Read an image pull secret; ``data`` is already decoded from base64."""
        key = {
            "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
            "kubernetes.io/dockercfg": ".dockercfg",
        }.get(secret_type)
        if key is None or key not in data:
            return cls()
        try:
            wire = orjson.loads(data[key])
        except orjson.JSONDecodeError:
            return cls()
        return cls.from_docker_config(wire) if isinstance(wire, dict) else cls()

    @classmethod
    def merge(cls, keychains: Iterable[Keychain]) -> Keychain:
        """One keychain of several; among equally specific entries the earlier wins."""
        return cls(tuple(entry for keychain in keychains for entry in keychain.entries))

    def find(self, image: Reference) -> Credential | None:
        """Return what to be for ``image``, or None for anonymous."""
        best: tuple[int, Credential] | None = None
        for key, credential in self.entries:
            score = _match(key, image)
            if score and (best is None or score > best[0]):
                best = (score, credential)
        return best[1] if best else None


def _match(key: str, image: Reference) -> int:
    """How specifically a config key names an image's registry; 0 when it does not."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, _, path = bare.partition("/")
    if path in ("v1", "v2"):
        path = ""
    if host in _DOCKER_HUB:
        host = DEFAULT_REGISTRY
    if not fnmatch.fnmatchcase(image.registry, host):
        return 0
    if path and not f"{image.repository}/".startswith(f"{path}/"):
        return 0
    return 1 + 2 * len(path) + ("*" not in host)


def _credential(wire: Any) -> Credential | None:
    if not isinstance(wire, Mapping):
        return None
    username, password = str(wire.get("username", "")), str(wire.get("password", ""))
    if wire.get("auth"):
        try:
            text = base64.b64decode(str(wire["auth"]), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        username, _, password = text.partition(":")
        password = password.rstrip("\0")
    credential = Credential(
        username,
        password,
        str(wire.get("identitytoken", "")),
        str(wire.get("registrytoken", "")),
    )
    return credential if credential != Credential() else None
