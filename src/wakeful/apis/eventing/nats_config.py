"""``config-nats``: which NATS server keeps events, unless it is the platform's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import Field, ValidationError

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.messaging.config import describe_fault, read_yaml

CONFIG_NATS = "config-nats"
NATS_KEY = "eventing-nats"
WORKERS_KEY = "workers"
_SCHEMES = ("nats", "tls")
_CREDENTIALS_KEY = "nats.creds"
_CA_KEY = "ca.crt"


class SecretKey(APIModel):
    """A key of a Secret in the system namespace."""

    name: str = ""
    key: str = ""


class _File(APIModel):
    secret: SecretKey | None = None


class _Auth(APIModel):
    credential_file: _File | None = None
    user: _File | None = None
    """A Secret with the keys ``username`` and ``password``."""


class _Tls(APIModel):
    ca_bundle: str = ""
    secret: SecretKey | None = None


class _Entry(APIModel):
    url: str = ""
    auth: _Auth = Field(default_factory=_Auth)
    tls: _Tls = Field(default_factory=_Tls)


@dataclass(frozen=True, slots=True)
class NatsConfig:
    """The server to use; an empty ``url`` is the platform's own."""

    url: str = ""
    credentials: SecretKey | None = None
    user: SecretKey | None = None
    ca_bundle: str = ""
    ca_secret: SecretKey | None = None
    workers: int = 0
    """Most event processes; 0 is as many as there are processors to spare."""


def parse_nats_config(data: Mapping[str, str]) -> NatsConfig:
    """Read the map; an empty one stands for the platform's own server.

    Raises:
        ValueError: It makes no sense.
    """
    workers = data.get(WORKERS_KEY, "0").strip()
    if not workers.isascii() or not workers.isdigit() or int(workers) > 64:
        raise ValueError(f"{WORKERS_KEY}: {workers!r} is no number from 0 to 64")
    if NATS_KEY not in data:
        return NatsConfig(workers=int(workers))
    try:
        entry = _Entry.from_wire(read_yaml(data, NATS_KEY))
    except ValidationError as err:
        raise ValueError(describe_fault(NATS_KEY, err)) from err
    _check_url(entry.url)
    files = entry.auth.credential_file
    return NatsConfig(
        entry.url,
        _secret(files.secret if files is not None else None, _CREDENTIALS_KEY),
        entry.auth.user.secret if entry.auth.user is not None else None,
        entry.tls.ca_bundle,
        _secret(entry.tls.secret, _CA_KEY),
        int(workers),
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.port != 0
    except ValueError:
        named = False
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES or not named:
        raise ValueError(f"{NATS_KEY}: url: {url!r} is not of the form nats://HOST:PORT")
    if parts.username or parts.password:
        raise ValueError(f"{NATS_KEY}: url: has credentials, which belong into a Secret")


def _secret(found: SecretKey | None, key: str) -> SecretKey | None:
    if found is None or not found.name:
        return None
    return SecretKey(name=found.name, key=found.key or key)
