"""Whether Envoy can offer a certificate, found before it is told. Pure.

What it refuses is missing on its HTTPS listener without a word to who asked for it, and holds up
what is published at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_LEAST_RSA_BITS = 2048
"""Envoy refuses shorter ones."""
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def secret_fault(pem: Mapping[str, bytes]) -> str:
    """What keeps the contents of a Secret from being a certificate; empty when nothing does."""
    for member in ("tls.crt", "tls.key"):
        if not pem.get(member):
            return f"it has no {member}"
    return certificate_fault(pem["tls.crt"], pem["tls.key"])


@lru_cache(maxsize=256)
def certificate_fault(chain_pem: bytes, key_pem: bytes) -> str:
    """What is wrong with a chain and its key; empty when they can be offered.

    Expired and foreign names are not: clients judge those, and say so.
    """
    try:
        offered = x509.load_pem_x509_certificates(chain_pem)[0].public_key()
    except _UNREADABLE:
        return "tls.crt is no certificate in PEM"
    try:
        key = load_pem_private_key(key_pem, None)
    except _UNREADABLE:
        return "tls.key is no private key in PEM without a password"
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return "tls.key is neither RSA nor ECDSA"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
        return f"the RSA key has {key.key_size} bits, fewer than {_LEAST_RSA_BITS}"
    if key.public_key() != offered:
        return "tls.key does not belong to tls.crt"
    return ""
