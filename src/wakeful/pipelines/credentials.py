"""From the secrets of a run's service account to the files that git, ssh and registries read. Pure.

The rules are Tekton's: secrets of type ``kubernetes.io/basic-auth`` and ``kubernetes.io/ssh-auth``
say in annotations ``tekton.dev/git-*`` and ``tekton.dev/docker-*`` what they are for; secrets of
the two docker types are merged as they are.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from wakeful.apis.core.config_types import (
    BASIC_AUTH,
    DOCKERCFG,
    DOCKERCONFIGJSON,
    SSH_AUTH,
    Secret,
)

GIT_PREFIX = "tekton.dev/git-"
DOCKER_PREFIX = "tekton.dev/docker-"

_EMAIL = "not@val.id"
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """One file below the home of a step."""

    path: str
    """Relative: ``.docker/config.json``. Its directories are for the owner only."""
    content: bytes = field(repr=False)
    mode: int = _PRIVATE


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a step finds in its home, and which secrets could not be used."""

    files: tuple[CredentialFile, ...] = ()
    problems: tuple[str, ...] = ()
    """For people; names of secrets and keys, never their values."""


def make_credentials(secrets: Iterable[Secret], home: str) -> Credentials:
    """Return the files for a step whose ``$HOME`` is ``home``; only those that a secret asks for.

    Where two secrets speak of the same place, the later one wins for registries and both are
    offered for ssh.
    """
    git, ssh, docker = _GitBasic(), _GitSsh(home.rstrip("/") or "/"), _Docker()
    problems: list[str] = []
    for secret in secrets:
        try:
            if secret.type == BASIC_AUTH:
                git.add(secret)
                docker.add(secret)
            elif secret.type == SSH_AUTH:
                ssh.add(secret)
            elif secret.type in (DOCKERCFG, DOCKERCONFIGJSON):
                docker.merge(secret)
        except ValueError as error:
            problems.append(f"secret {secret.metadata.name!r}: {error}")
    files = (*docker.files(), *git.files(), *ssh.files())
    return Credentials(files, tuple(problems))


def _targets(secret: Secret, prefix: str) -> list[str]:
    """The places that annotations with ``prefix`` name, in the order of their keys."""
    notes = sorted(secret.metadata.annotations.items())
    return [value for key, value in notes if key.startswith(prefix) and value]


def _text(data: Mapping[str, bytes], key: str) -> str:
    """A value without the line end that editors leave.

    Raises:
        ValueError: It is missing or no text.
    """
    if key not in data:
        raise ValueError(f"has no key {key!r}")
    try:
        return data[key].decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"key {key!r} is not text") from error


class _Docker:
    def __init__(self) -> None:
        self._auths: dict[str, dict[str, Any]] = {}

    def add(self, secret: Secret) -> None:
        targets = _targets(secret, DOCKER_PREFIX)
        if not targets:
            return
        data = secret.decoded()
        username, password = _text(data, "username"), _text(data, "password")
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        for target in targets:
            self._auths[target] = {
                "username": username,
                "password": password,
                "auth": auth,
                "email": _EMAIL,
            }

    def merge(self, secret: Secret) -> None:
        """Take in a whole docker configuration, of the new form or the old."""
        key = ".dockercfg" if secret.type == DOCKERCFG else ".dockerconfigjson"
        try:
            wire = orjson.loads(_text(secret.decoded(), key))
        except orjson.JSONDecodeError as error:
            raise ValueError(f"key {key!r} is not JSON") from error
        if isinstance(wire, dict) and key == ".dockerconfigjson":
            wire = wire.get("auths", {})
        auths = wire if isinstance(wire, dict) else None
        if auths is None:
            raise ValueError(f"key {key!r} holds no registries")
        self._auths.update({str(k): v for k, v in auths.items() if isinstance(v, dict)})

    def files(self) -> Sequence[CredentialFile]:
        if not self._auths:
            return ()
        return (CredentialFile(".docker/config.json", orjson.dumps({"auths": self._auths})),)


class _GitBasic:
    def __init__(self) -> None:
        self._config: list[str] = []
        self._store: list[str] = []

    def add(self, secret: Secret) -> None:
        targets = _targets(secret, GIT_PREFIX)
        if not targets:
            return
        data = secret.decoded()
        username, password = _text(data, "username"), _text(data, "password")
        if _breaks_lines(username) or _breaks_lines(password):
            raise ValueError("username and password must be one line each")
        for target in targets:
            url = urlsplit(target)
            if url.scheme not in ("http", "https") or not url.netloc or _breaks_lines(target):
                raise ValueError(f"annotation {GIT_PREFIX}*: {target!r} is not an http(s) URL")
            escaped = target.replace("\\", "\\\\").replace('"', '\\"')
            self._config += [f'[credential "{escaped}"]', f"\tusername = {_quoted(username)}"]
            if url.path.strip("/"):  # else git asks for the whole host
                self._config.append("\tuseHttpPath = true")
            host = url.netloc.rpartition("@")[2]
            user = f"{quote(username, safe='')}:{quote(password, safe='')}"
            self._store.append(f"{url.scheme}://{user}@{host}{url.path.rstrip('/')}")

    def files(self) -> Sequence[CredentialFile]:
        if not self._store:
            return ()
        config = ["[credential]", "\thelper = store", *self._config]
        return (
            CredentialFile(".gitconfig", _lines(config)),
            CredentialFile(".git-credentials", _lines(self._store)),
        )


class _GitSsh:
    def __init__(self, home: str) -> None:
        self._home = home
        self._keys: list[CredentialFile] = []
        self._config: list[str] = []
        self._known: list[str] = []

    def add(self, secret: Secret) -> None:
        targets = _targets(secret, GIT_PREFIX)
        if not targets:
            return
        data = secret.decoded()
        if "ssh-privatekey" not in data:
            raise ValueError("has no key 'ssh-privatekey'")
        name = f"id_{secret.metadata.name}"
        key = data["ssh-privatekey"].rstrip(b"\r\n") + b"\n"  # ssh insists on the line end
        self._keys.append(CredentialFile(f".ssh/{name}", key))
        known = _text(data, "known_hosts") if "known_hosts" in data else ""
        if known:
            self._known.append(known)
        for target in targets:
            host, port = _host_and_port(target)
            self._config += [
                f"Host {host}",
                f"    HostName {host}",
                f"    Port {port}",
                f"    IdentityFile {self._home}/.ssh/{name}",
                f"    UserKnownHostsFile {self._home}/.ssh/known_hosts",
            ]
            if not known:
                self._config.append("    StrictHostKeyChecking accept-new")

    def files(self) -> Sequence[CredentialFile]:
        if not self._keys:
            return ()
        files = [*self._keys, CredentialFile(".ssh/config", _lines(self._config))]
        if self._known:
            files.append(CredentialFile(".ssh/known_hosts", _lines(self._known)))
        return files


def _host_and_port(target: str) -> tuple[str, int]:
    """Read ``host``, ``host:port`` or an ssh URL.

    Raises:
        ValueError: It is neither.
    """
    url = urlsplit(target if "://" in target else f"ssh://{target}")
    try:
        host, port = url.hostname, url.port
    except ValueError as error:
        raise ValueError(f"annotation {GIT_PREFIX}*: {target!r} has no readable port") from error
    if not host or any(character.isspace() for character in target):
        raise ValueError(f"annotation {GIT_PREFIX}*: {target!r} is not a host")
    return host, port or 22


def _breaks_lines(text: str) -> bool:
    return any(ord(character) < 32 for character in text)


def _quoted(text: str) -> str:
    """A value in git's configuration; quoted when it could be read in another way."""
    if text and not set(text) & set(' "#;\\'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
