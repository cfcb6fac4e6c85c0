"""The files that a run's secrets become."""

from __future__ import annotations

import base64
import json

import pytest

from wakeful.apis.core.config_types import Secret
from wakeful.pipelines.credentials import Credentials, make_credentials


def a_secret(
    kind: str, notes: dict[str, str] | None = None, name: str = "s", **data: str
) -> Secret:
    wire = {key.replace("__", "."): value for key, value in data.items()}
    return Secret.model_validate(
        {
            "metadata": {"name": name, "annotations": notes or {}},
            "type": f"kubernetes.io/{kind}",
            "data": {
                key.replace("_", "-") if key == "ssh_privatekey" else key: base64.b64encode(
                    value.encode()
                ).decode()
                for key, value in wire.items()
            },
        }
    )


def files(credentials: Credentials) -> dict[str, str]:
    return {file.path: file.content.decode() for file in credentials.files}


def test_registry_credentials_are_written_as_docker_reads_them() -> None:
    """The book's secret: an annotation names the registry."""
    secret = a_secret(
        "basic-auth",
        {"tekton.dev/docker-0": "https://registry.example"},
        username="u",
        password="p:1",
    )

    found = make_credentials([secret], "/builder/home")

    assert list(files(found)) == [".docker/config.json"]
    auths = json.loads(files(found)[".docker/config.json"])["auths"]
    assert auths == {
        "https://registry.example": {
            "username": "u",
            "password": "p:1",
            "auth": base64.b64encode(b"u:p:1").decode(),
            "email": "not@val.id",
        }
    }


def test_docker_configurations_are_merged() -> None:
    """Both docker types and an annotated secret end up in one file."""
    config = json.dumps({"auths": {"a.example": {"auth": "eDp5"}}})
    old = json.dumps({"b.example": {"auth": "eDp6"}})
    found = make_credentials(
        [
            a_secret("dockerconfigjson", __dockerconfigjson=config),
            a_secret("dockercfg", __dockercfg=old),
            a_secret("basic-auth", {"tekton.dev/docker-x": "c.example"}, username="u", password=""),
        ],
        "/h",
    )
    auths = json.loads(files(found)[".docker/config.json"])["auths"]
    assert set(auths) == {"a.example", "b.example", "c.example"}


def test_git_passwords_go_to_the_credential_store() -> None:
    """User and password are escaped; a URL with a path is matched with its path."""
    secret = a_secret(
        "basic-auth",
        {"tekton.dev/git-0": "https://git.example", "tekton.dev/git-1": "http://b.example/team/"},
        username="me@x",
        password="p/ß",
    )

    found = files(make_credentials([secret], "/h"))

    assert found[".git-credentials"].splitlines() == [
        "https://me%40x:p%2F%C3%9F@git.example",
        "http://me%40x:p%2F%C3%9F@b.example/team",
    ]
    assert found[".gitconfig"].splitlines() == [
        "[credential]",
        "\thelper = store",
        '[credential "https://git.example"]',
        "\tusername = me@x",
        '[credential "http://b.example/team/"]',
        "\tusername = me@x",
        "\tuseHttpPath = true",
    ]


def test_ssh_keys_get_a_host_entry_each() -> None:
    """Without known hosts the first key that a host shows is trusted."""
    one = a_secret("ssh-auth", {"tekton.dev/git-0": "a.example:2222"}, "one", ssh_privatekey="K")
    two = a_secret(
        "ssh-auth",
        {"tekton.dev/git-0": "b.example"},
        "two",
        ssh_privatekey="L\n",
        known_hosts="b k",
    )

    credentials = make_credentials([one, two], "/tekton/home/")

    found = files(credentials)
    assert found[".ssh/id_one"] == "K\n"
    assert found[".ssh/id_two"] == "L\n"
    assert found[".ssh/known_hosts"] == "b k\n"
    assert found[".ssh/config"].splitlines() == [
        "Host a.example",
        "    HostName a.example",
        "    Port 2222",
        "    IdentityFile /tekton/home/.ssh/id_one",
        "    UserKnownHostsFile /tekton/home/.ssh/known_hosts",
        "    StrictHostKeyChecking accept-new",
        "Host b.example",
        "    HostName b.example",
        "    Port 22",
        "    IdentityFile /tekton/home/.ssh/id_two",
        "    UserKnownHostsFile /tekton/home/.ssh/known_hosts",
    ]
    assert all(file.mode == 0o600 for file in credentials.files)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (
            a_secret("basic-auth", {"tekton.dev/git-0": "https://a.example"}, username="u"),
            "secret 's': has no key 'password'",
        ),
        (
            a_secret("basic-auth", {"tekton.dev/git-0": "a.example"}, username="u", password="p"),
            "secret 's': annotation tekton.dev/git-*: 'a.example' is not an http(s) URL",
        ),
        (
            a_secret("ssh-auth", {"tekton.dev/git-0": "a.example"}),
            "secret 's': has no key 'ssh-privatekey'",
        ),
        (
            a_secret("dockerconfigjson", __dockerconfigjson="{"),
            "secret 's': key '.dockerconfigjson' is not JSON",
        ),
        (
            a_secret(
                "basic-auth",
                {"tekton.dev/git-0": "https://a.example"},
                username="u\n[x]",
                password="p",
            ),
            "secret 's': username and password must be one line each",
        ),
    ],
)
def test_unusable_secrets_are_reported_and_left_out(secret: Secret, problem: str) -> None:
    """A run goes on without them, and says why git may fail."""
    assert make_credentials([secret], "/h") == Credentials((), (problem,))


def test_secrets_without_annotations_are_none_of_our_business() -> None:
    """Nothing is written for them."""
    assert make_credentials([a_secret("basic-auth", username="u", password="p")], "/h").files == ()
    assert make_credentials([a_secret("basic-auth", {"tekton.dev/other": "x"})], "/h").files == ()
    assert make_credentials([a_secret("ssh-auth", {"tekton.dev/docker-0": "x"})], "/h").files == ()
