from __future__ import annotations

import base64
from typing import Any

import pytest

from wakeful.apis.core import Secret
from wakeful.apis.sources.kafka_types import KafkaNet
from wakeful.eventbus.kafka import (
    SASL,
    TLS,
    KafkaConnection,
    Mechanism,
    SecretUnusableError,
    connection_of,
    connection_of_secret,
    secrets_of,
)


def a_secret(**values: str) -> Secret:
    data = {k.replace("_", "."): base64.b64encode(v.encode()).decode() for k, v in values.items()}
    return Secret.from_wire({"metadata": {"name": "s"}, "data": data})


def ref(key: str, **more: Any) -> dict[str, Any]:
    return {"secretKeyRef": {"name": "s", "key": key, **more}}


NET = {
    "sasl": {"enable": True, "user": ref("user"), "password": ref("password"), "type": ref("type")},
    "tls": {"enable": True, "caCert": ref("ca"), "cert": ref("cert", optional=True)},
}


def test_what_is_enabled_is_read_from_secrets() -> None:
    """User, password, mechanism and certificates; passwords never show in a repr."""
    secret = a_secret(user="bob", password="hidden-word", type="scram-sha-512", ca="PEM")

    found = connection_of(["k:1"], KafkaNet.from_wire(NET), {"s": secret}.get)

    sasl = SASL("bob", "hidden-word", Mechanism.SCRAM_SHA_512)
    assert found == KafkaConnection(("k:1",), sasl, TLS("PEM"))
    assert "hidden-word" not in repr(found)
    assert secrets_of(KafkaNet.from_wire(NET)) == {"s"}


def test_what_is_not_enabled_is_not_looked_at() -> None:
    """References alone switch nothing on."""
    off = {"sasl": {"user": ref("user")}, "tls": {"caCert": ref("ca")}}

    assert connection_of(["k:1"], KafkaNet.from_wire(off), {}.get) == KafkaConnection(("k:1",))


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        (None, "Secret 's' does not exist"),
        (a_secret(user="bob", type="PLAIN", ca="x"), "Secret 's' has no key 'password'"),
        (
            a_secret(user="bob", password="p", type="OAUTHBEARER", ca="x"),
            "SASL mechanism 'OAUTHBEARER' is not supported, only PLAIN,",
        ),
    ],
)
def test_what_is_missing_is_named(secret: Secret | None, fault: str) -> None:
    """The Secret and the key, never a value."""
    with pytest.raises(SecretUnusableError, match=fault):
        connection_of(["k:1"], KafkaNet.from_wire(NET), lambda name: secret)


def test_one_secret_says_all() -> None:
    """The keys that sinks and channels know."""
    secret = a_secret(protocol="SASL_SSL", user="bob", password="p", ca_crt="PEM")

    found = connection_of_secret(["k:1"], secret)

    assert found == KafkaConnection(("k:1",), SASL("bob", "p"), TLS("PEM"))
    assert connection_of_secret(["k:1"], None) == KafkaConnection(("k:1",))
    with pytest.raises(SecretUnusableError, match="protocol 'HTTP'"):
        connection_of_secret(["k:1"], a_secret(protocol="HTTP"))
    with pytest.raises(SecretUnusableError, match="key 'password' is missing"):
        connection_of_secret(["k:1"], a_secret(protocol="SASL_PLAINTEXT", user="bob"))


def test_options_are_those_of_the_client() -> None:
    """What is not used is not passed."""
    plain = KafkaConnection(("a:1", "b:2"))
    assert plain.options() == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }
    safe = KafkaConnection(("a:1",), SASL("u", "p"), TLS())
    assert safe.options()["security_protocol"] == "SASL_SSL"
    assert safe.options()["sasl_mechanism"] == "PLAIN"
    with pytest.raises(ValueError, match="cannot be used"):
        KafkaConnection(("a:1",), tls=TLS(certificate="no PEM", key="neither")).options()
