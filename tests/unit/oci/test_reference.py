"""Names are read as Docker and go-containerregistry read them."""

from __future__ import annotations

import pytest

from wakeful.oci.errors import InvalidReferenceError
from wakeful.oci.reference import parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "name", "familiar"),
    [
        ("hello", "index.docker.io/library/hello:latest", "hello:latest"),
        ("hello:v1", "index.docker.io/library/hello:v1", "hello:v1"),
        ("docker.io/hello", "index.docker.io/library/hello:latest", "hello:latest"),
        ("user/hello", "index.docker.io/user/hello:latest", "user/hello:latest"),
        ("localhost/hello", "localhost/hello:latest", "localhost/hello:latest"),
        ("localhost:5000/hello", "localhost:5000/hello:latest", "localhost:5000/hello:latest"),
        ("dev.local/hello:1.0", "dev.local/hello:1.0", "dev.local/hello:1.0"),
        ("reg:5000/a/b/c:T_.-1", "reg:5000/a/b/c:T_.-1", "reg:5000/a/b/c:T_.-1"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
        (f"hello@{DIGEST}", f"index.docker.io/library/hello@{DIGEST}", f"hello@{DIGEST}"),
        (f"r.io/a:v1@{DIGEST}", f"r.io/a@{DIGEST}", f"r.io/a@{DIGEST}"),
        (
            "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8",
            "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8",
            "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8",
        ),
    ],
)
def test_defaults_are_filled_in(text: str, name: str, familiar: str) -> None:
    """The full name and the one people write."""
    reference = parse_reference(text)

    assert reference.name == name
    assert reference.familiar == familiar
    assert parse_reference(reference.name) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "hello:",
        "hello world",
        "a b/c",
        ":v1",
        "hello:v1:v2:",
        "hello@sha256:abc",
        f"hello@{DIGEST}@{DIGEST}",
        "hello@md5:" + "a" * 32,
        "r.io/",
        "r.io:x/hello",
        "hello:" + "t" * 129,
        "h" * 256,
    ],
)
def test_bad_names_are_refused_in_upstreams_words(text: str) -> None:
    """The message is part of what ``kubectl apply`` shows."""
    with pytest.raises(InvalidReferenceError) as caught:
        parse_reference(text)

    assert str(caught.value) == f"could not parse reference: {text}"


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("hello", "https"),
        ("registry.example.com/hello", "https"),
        ("localhost:5000/hello", "http"),
        ("127.0.0.1:5000/hello", "http"),
        ("reg.localhost:5000/hello", "http"),
        ("[::1]:5000/hello", "http"),
        ("registry.default.svc.cluster.local:5000/hello", "http"),
        ("10.1.2.3:5000/hello", "http"),
        ("198.18.34.211:5000/hello", "http"),
        ("198.20.0.1:5000/hello", "https"),
    ],
)
def test_registries_on_this_machine_speak_plain_http(text: str, scheme: str) -> None:
    """As upstream: loopback names need no certificate."""
    assert parse_reference(text).scheme == scheme
