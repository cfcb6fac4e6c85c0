"""Finding out who to be at a registry."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from wakeful.oci import Credential, Keychain, parse_reference


def _auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_every_spelling_of_docker_hub_is_known(key: str) -> None:
    """``docker login`` writes a URL, people write a host."""
    keychain = Keychain.from_docker_config({"auths": {key: _auth("me", "a:b")}})

    assert keychain.find(parse_reference("hello")) == Credential("me", "a:b")
    assert keychain.find(parse_reference("r.io/hello")) is None


def test_the_most_specific_entry_wins() -> None:
    """A path beats a host, a host beats a pattern."""
    keychain = Keychain.from_docker_config(
        {
            "auths": {
                "*.example.com": _auth("pattern", "x"),
                "r.example.com": _auth("host", "x"),
                "r.example.com/team": _auth("path", "x"),
            }
        }
    )

    def who(image: str) -> str:
        found = keychain.find(parse_reference(image))
        return found.username if found else ""

    assert who("r.example.com/team/app") == "path"
    assert who("r.example.com/teams/app") == "host"
    assert who("other.example.com/app") == "pattern"


def test_pull_secrets_of_both_types_are_read() -> None:
    """Kubernetes keeps docker's file under a key that depends on the secret's type."""
    auths = {"r.io": {"username": "u", "password": "p"}}
    new = Keychain.from_secret(
        "kubernetes.io/dockerconfigjson",
        {".dockerconfigjson": json.dumps({"auths": auths}).encode()},
    )
    old = Keychain.from_secret(
        "kubernetes.io/dockercfg", {".dockercfg": json.dumps(auths).encode()}
    )

    assert new == old == Keychain((("r.io", Credential("u", "p")),))
    assert Keychain.from_secret("Opaque", {".dockerconfigjson": b"{}"}) == Keychain()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"auths": 3}', '{"auths": {"r.io": {"auth": "!"}}}']
)
def test_unreadable_files_hold_no_credentials(text: str, tmp_path: Path) -> None:
    """A broken file must not stop public images from being pulled."""
    path = tmp_path / "config.json"
    path.write_text(text)

    assert Keychain.from_file(path) == Keychain()


def test_passwords_do_not_show_in_logs() -> None:
    """A credential's repr is safe to log."""
    assert "secret" not in repr(Credential("me", "secret", "secret", "secret"))
