"""Certificates of users, looked at before Envoy is told of them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from wakeful.gateway.planner.certificates import secret_fault
from wakeful.pki import CertificateAuthority

AUTHORITY = CertificateAuthority.create()
GOOD = AUTHORITY.issue_server(["a.test"])
OTHER = AUTHORITY.issue_server(["b.test"])


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


SHORT = pem(rsa.generate_private_key(65537, 1024))
EDWARDS = pem(ed25519.Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    ("certificate", "key", "fault"),
    [
        (GOOD.certificate_pem, GOOD.key_pem, ""),
        (GOOD.certificate_pem, OTHER.key_pem, "tls.key does not belong to tls.crt"),
        (b"x", GOOD.key_pem, "tls.crt is no certificate in PEM"),
        (GOOD.certificate_pem, b"y", "tls.key is no private key in PEM without a password"),
        (GOOD.certificate_pem, EDWARDS, "tls.key is neither RSA nor ECDSA"),
        (GOOD.certificate_pem, SHORT, "the RSA key has 1024 bits, fewer than 2048"),
        (b"", GOOD.key_pem, "it has no tls.crt"),
        (GOOD.certificate_pem, b"", "it has no tls.key"),
    ],
)
def test_what_cannot_be_offered_is_told(certificate: bytes, key: bytes, fault: str) -> None:
    """Envoy would refuse it, and all that was published with it."""
    assert secret_fault({"tls.crt": certificate, "tls.key": key}) == fault
