"""Connections whose passwords and keys lie in Secrets. Pure: looking secrets up is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core import Secret
from wakeful.apis.sources.kafka_types import KafkaNet, SecretValue
from wakeful.eventbus.kafka.connection import SASL, TLS, KafkaConnection, Mechanism

SecretLookup = Callable[[str], Secret | None]
"""A Secret by name, in the namespace of whoever refers to it."""

_SECURE = ("SSL", "SASL_SSL")
_PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", *_SECURE)


class SecretUnusableError(WakefulError):
    """A Secret is missing, lacks a key, or holds something that cannot be used."""


def connection_of(servers: Sequence[str], net: KafkaNet, lookup: SecretLookup) -> KafkaConnection:
    """The connection a KafkaSource describes.

    Raises:
        SecretUnusableError: Something it refers to is not there.
    """

    def read(value: SecretValue) -> str:
        return _read(value, lookup)

    sasl = tls = None
    if net.sasl.enable:
        mechanism = _mechanism(read(net.sasl.type))
        sasl = SASL(read(net.sasl.user), read(net.sasl.password), mechanism)
    if net.tls.enable:
        tls = TLS(read(net.tls.ca_cert), read(net.tls.cert), read(net.tls.key))
    return KafkaConnection(tuple(servers), sasl, tls)


def secrets_of(net: KafkaNet) -> frozenset[str]:
    """The names of the Secrets that are referred to."""
    values = (
        getattr(part, name) for part in (net.sasl, net.tls) for name in type(part).model_fields
    )
    return frozenset(
        value.secret_key_ref.name
        for value in values
        if isinstance(value, SecretValue) and value.secret_key_ref is not None
    )


def connection_of_secret(servers: Sequence[str], secret: Secret | None) -> KafkaConnection:
    """The connection of a KafkaSink or a KafkaChannel, whose one Secret says all.

    Its keys are upstream's: ``protocol``, ``sasl.mechanism``, ``user``, ``password``, ``ca.crt``,
    ``user.crt``, ``user.key``. Without a Secret the connection is plain.

    Raises:
        SecretUnusableError: A key is missing, or is none of what it may be.
    """
    if secret is None:
        return KafkaConnection(tuple(servers))
    values = {key: value.decode(errors="replace") for key, value in secret.decoded().items()}
    where = f"Secret {secret.metadata.name!r}"
    protocol = values.get("protocol", "PLAINTEXT")
    if protocol not in _PROTOCOLS:
        raise SecretUnusableError(f"{where}: protocol {protocol!r} is not one of {_PROTOCOLS}")
    sasl = tls = None
    if protocol.startswith("SASL"):
        for key in ("user", "password"):
            if not values.get(key):
                raise SecretUnusableError(f"{where}: key {key!r} is missing")
        mechanism = _mechanism(values.get("sasl.mechanism", ""))
        sasl = SASL(values["user"], values["password"], mechanism)
    if protocol in _SECURE:
        pair = values.get("user.crt", ""), values.get("user.key", "")
        tls = TLS(values.get("ca.crt", ""), *pair)
    return KafkaConnection(tuple(servers), sasl, tls)


def _mechanism(text: str) -> Mechanism:
    try:
        return Mechanism(text.strip().upper() or Mechanism.PLAIN)
    except ValueError:
        known = ", ".join(Mechanism)
        raise SecretUnusableError(
            f"SASL mechanism {text!r} is not supported, only {known}"
        ) from None


def _read(value: SecretValue, lookup: SecretLookup) -> str:
    ref = value.secret_key_ref
    if ref is None:
        return ""
    secret = lookup(ref.name)
    if secret is None:
        if ref.optional:
            return ""
        raise SecretUnusableError(f"Secret {ref.name!r} does not exist")
    found = secret.decoded().get(ref.key)
    if found is None:
        if ref.optional:
            return ""
        raise SecretUnusableError(f"Secret {ref.name!r} has no key {ref.key!r}")
    return found.decode(errors="replace")
