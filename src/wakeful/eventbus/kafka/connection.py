"""Where a cluster is and how to prove who we are, as options for the client library."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Mechanism(StrEnum):
    """How a password is proven to a broker."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class SASL:
    """A user and a password."""

    user: str
    password: str = field(repr=False)
    mechanism: Mechanism = Mechanism.PLAIN


@dataclass(frozen=True, slots=True)
class TLS:
    """Whom to trust, and our own certificate; all PEM, empty for none.

    Without ``ca`` the host's authorities are trusted.
    """

    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Everything needed to open a connection; equal values may share one."""

    servers: tuple[str, ...]
    """``host:port`` of some brokers; the others are found through them."""
    sasl: SASL | None = None
    tls: TLS | None = None

    @property
    def text(self) -> str:
        """The servers as people write them."""
        return ",".join(self.servers)

    def options(self) -> dict[str, Any]:
        """Keyword arguments for producers, consumers and admin clients of aiokafka.

        Raises:
            ValueError: A certificate or key is not valid PEM, or they do not belong together.
        """
        secure = "SSL" if self.tls else "PLAINTEXT"
        found: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": f"SASL_{secure}" if self.sasl else secure,
        }
        if self.sasl is not None:
            found |= {
                "sasl_mechanism": str(self.sasl.mechanism),
                "sasl_plain_username": self.sasl.user,
                "sasl_plain_password": self.sasl.password,
            }
        if self.tls is not None:
            found["ssl_context"] = make_context(self.tls)
        return found


def make_context(tls: TLS) -> ssl.SSLContext:
    """A context for clients; host names are checked.

    Raises:
        ValueError: A certificate or key is not valid PEM, or they do not belong together.
    """
    try:
        context = ssl.create_default_context(cadata=tls.ca or None)
        if tls.certificate or tls.key:
            _load_pair(context, tls)
    except (ssl.SSLError, ValueError) as err:
        raise ValueError(f"TLS: certificate or key cannot be used: {err}") from err
    return context


def _load_pair(context: ssl.SSLContext, tls: TLS) -> None:
    """Give the context our certificate; OpenSSL reads it only from files, which go at once."""
    with tempfile.TemporaryDirectory(prefix="wakeful-kafka-") as folder:
        certificate, key = f"{folder}/tls.crt", f"{folder}/tls.key"
        for path, text in ((certificate, tls.certificate), (key, tls.key)):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
                out.write(text)
        context.load_cert_chain(certificate, key, password=_no_password)


def _no_password() -> str:
    """Encrypted keys are refused; OpenSSL would ask at the terminal."""
    return ""
